import { z } from "zod";
import { SchedgateError } from "../errors.ts";

const resourceList = z.record(z.string(), z.union([z.string(), z.number()]));
const resources = z.object({ requests: resourceList.nullish(), limits: resourceList.nullish() });

const container = z.object({
  name: z.string(),
  resources: resources.nullish(),
});

const podSchema = z.object({
  metadata: z.object({
    name: z.string().nullish(),
    generateName: z.string().nullish(),
    annotations: z.record(z.string(), z.string()).nullish(),
  }),
  spec: z.object({
    serviceAccountName: z.string().nullish(),
    runtimeClassName: z.string().nullish(),
    resources: resources.nullish(),
    containers: z.array(container),
    initContainers: z.array(container).nullish(),
  }),
});

/** Amounts by resource name, as written. */
export type ResourceList = Readonly<Record<string, string | number>>;

export interface Resources {
  requests: ResourceList;
  limits: ResourceList;
}

export interface Container extends Resources {
  name: string;
  /** Runs before, or beside as a sidecar, the pod's own containers. */
  init: boolean;
}

/** What the policy reads of a pod. */
export interface Pod {
  namespace: string;
  /** For people: the name, or `generateName` and a star where the server has not made the name yet. */
  name: string;
  serviceAccount: string;
  annotations: Readonly<Record<string, string>>;
  runtimeClassName: string | undefined;
  /** Own containers and init containers, in the order of the pod. */
  containers: readonly Container[];
  /** Resources of the pod as a whole, where it gives them (`spec.resources`). */
  resources: Resources | undefined;
}

/**
 * Reads a pod as the API server sends it. The namespace is the request's: the object's own may still be empty.
 * An empty runtimeClassName is none, and an empty serviceAccountName is `default`, as for the API server.
 * @throws SchedgateError E_POD where it is not a pod.
 */
export function readPod(raw: unknown, namespace: string): Pod {
  const parsed = podSchema.safeParse(raw);
  if (!parsed.success) {
    throw new SchedgateError("E_POD", `not a pod: ${z.prettifyError(parsed.error).replaceAll("\n", " ")}`);
  }
  const { metadata, spec } = parsed.data;
  const generated = metadata.generateName ? `${metadata.generateName}*` : "";
  return {
    namespace,
    name: metadata.name ? metadata.name : generated,
    serviceAccount: spec.serviceAccountName ? spec.serviceAccountName : "default",
    annotations: metadata.annotations ?? {},
    runtimeClassName: spec.runtimeClassName ? spec.runtimeClassName : undefined,
    containers: [
      ...spec.containers.map((each) => readContainer(each, false)),
      ...(spec.initContainers ?? []).map((each) => readContainer(each, true)),
    ],
    resources: spec.resources ? readResources(spec.resources) : undefined,
  };
}

function readContainer(raw: z.infer<typeof container>, init: boolean): Container {
  return { name: raw.name, init, ...readResources(raw.resources) };
}

function readResources(raw: z.infer<typeof resources> | null | undefined): Resources {
  return { requests: raw?.requests ?? {}, limits: raw?.limits ?? {} };
}
