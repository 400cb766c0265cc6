import * as z from "zod";
import { hasStatus } from "../common/kube/port.ts";
import type { KubeApi } from "../common/kube/port.ts";

export interface SecretOptions {
  api: KubeApi;
  /** Path of the Secret. It must exist: the rights of the webhook are for this one name. */
  path: string;
}

/** A Secret as it was read, its values as text. */
export interface Secret {
  values: Readonly<Record<string, string>>;
  annotations: Readonly<Record<string, string>>;
  /** The object as it came, to be written back. */
  object: z.infer<typeof schema>;
}

const schema = z.looseObject({
  metadata: z.looseObject({
    resourceVersion: z.string(),
    annotations: z.record(z.string(), z.string()).optional(),
  }),
  data: z.record(z.string(), z.string()).nullish(),
});

/** Undefined where there is none. @throws KubeApiError */
export async function readSecret({ api, path }: SecretOptions): Promise<Secret | undefined> {
  try {
    const object = schema.parse(await api.request({ method: "GET", path }));
    const values = Object.entries(object.data ?? {}).map(([key, value]) => [
      key,
      Buffer.from(value, "base64").toString("utf8"),
    ]);
    return {
      object,
      annotations: object.metadata.annotations ?? {},
      values: Object.fromEntries(values) as Record<string, string>,
    };
  } catch (error) {
    if (!hasStatus(error, 404)) throw error;
    return undefined;
  }
}

/** Sets values, takes annotations away, keeps the rest. False where somebody else wrote or deleted it since it was read. */
export async function writeSecret(
  { api, path }: SecretOptions,
  { object, annotations }: Secret,
  values: Readonly<Record<string, string>>,
  without: readonly string[],
): Promise<boolean> {
  const encoded = Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString("base64")]);
  const kept = Object.entries(annotations).filter(([key]) => !without.includes(key));
  const body = {
    ...object,
    metadata: { ...object.metadata, annotations: Object.fromEntries(kept) },
    data: { ...object.data, ...(Object.fromEntries(encoded) as Record<string, string>) },
  };
  try {
    await api.request({ method: "PUT", path, body });
    return true;
  } catch (error) {
    if (hasStatus(error, 409) || hasStatus(error, 404)) return false;
    throw error;
  }
}
