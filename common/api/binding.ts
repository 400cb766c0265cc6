import * as z from "zod";
import { clip, SchedgateError } from "../errors.ts";
import { annotations } from "./pod.ts";

const bindingSchema = z.object({
  metadata: z.object({
    name: z.string().min(1),
    uid: z.string().nullish(),
    annotations: annotations.nullish(),
  }),
});

/** What is read of a Binding, which gives a pod its node. */
export interface Binding {
  /** The pod's. */
  name: string;
  /** Set: the API server binds only the pod with this uid. */
  uid: string | undefined;
  /** The API server merges them into the pod's. */
  annotations: Readonly<Record<string, string>>;
}

/** Reads a Binding as the API server sends it. @throws SchedgateError E_POD where it is not one. */
export function readBinding(raw: unknown): Binding {
  const parsed = bindingSchema.safeParse(raw);
  if (!parsed.success) {
    throw new SchedgateError(
      "E_POD",
      `not a Binding: ${clip(z.prettifyError(parsed.error).replaceAll("\n", " "))}`,
    );
  }
  const { name, uid, annotations: merged } = parsed.data.metadata;
  return { name, uid: uid ? uid : undefined, annotations: merged ?? {} };
}
