import { pathOf, resources } from "../../common/kube/paths.ts";
import type { ObjectName } from "../../common/kube/paths.ts";
import type { KubeApi, PatchType } from "../../common/kube/port.ts";
import { get } from "./cluster.ts";
import type { Json } from "./cluster.ts";

/** What a write leaves on a pod, each of it whole. What is not named stays. */
export interface Carried {
  annotations?: Record<string, string>;
  labels?: Record<string, string>;
  finalizers?: string[];
  /** Of its status. */
  conditions?: Json[];
}

/** Writes to a pod that is there; the pod as it is then. */
export type Write = (api: KubeApi, at: ObjectName, carried: Carried) => Promise<Json>;

/** Every form in which a pod that is there can be written. */
export const WRITES: [string, Write][] = [
  ["PUT", put],
  ["JSON patch", patchAs("json", jsonPatch)],
  ["merge patch", patchAs("merge", mergePatch)],
  ["strategic merge patch", patchAs("strategic", mergePatch)],
  ["server-side apply", apply],
];

/** An apply takes away only what an earlier one of the same manager wrote: this one. */
export function apply(api: KubeApi, at: ObjectName, { conditions, ...metadata }: Carried): Promise<Json> {
  const path = pathOf(resources.pods, at);
  const body = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: at.name, ...metadata },
    ...(conditions && { status: { conditions } }),
  };
  const query = { fieldManager: "test", force: true };
  return api.request({ method: "PATCH", path, body, patch: "apply", query }) as Promise<Json>;
}

/** A pod without its version: a scheduler writes to it at the same time. */
export async function read(api: KubeApi, { namespace, name }: ObjectName): Promise<Json> {
  const body = await get(api, resources.pods, { ...(namespace && { namespace }), ...(name && { name }) });
  delete (body["metadata"] as Json)["resourceVersion"];
  return body;
}

async function put(api: KubeApi, at: ObjectName, { conditions, ...metadata }: Carried): Promise<Json> {
  const body = await read(api, at);
  Object.assign(body["metadata"] as Json, metadata);
  if (conditions) Object.assign(body["status"] as Json, { conditions });
  return api.request({ method: "PUT", path: pathOf(resources.pods, at), body }) as Promise<Json>;
}

function patchAs(as: PatchType, bodyOf: (carried: Carried, live: Json) => unknown): Write {
  return async (api, at, carried) => {
    const body = bodyOf(carried, await read(api, at));
    return api.request({
      method: "PATCH",
      path: pathOf(resources.pods, at),
      body,
      patch: as,
    }) as Promise<Json>;
  };
}

function jsonPatch({ conditions, ...metadata }: Carried): object[] {
  const steps = Object.entries(metadata).map(([key, value]) => [`/metadata/${key}`, value] as const);
  const all = conditions ? [...steps, ["/status/conditions", conditions] as const] : steps;
  return all.map(([path, value]) => ({ op: "add", path, value }));
}

function mergePatch({ conditions, annotations, labels, finalizers }: Carried, live: Json): object {
  const had = live["metadata"] as { annotations?: object; labels?: object };
  const metadata = {
    ...(annotations && { annotations: { ...without(had.annotations), ...annotations } }),
    ...(labels && { labels: { ...without(had.labels), ...labels } }),
    // An empty list takes nothing away where lists are merged.
    ...(finalizers && { finalizers: finalizers.length > 0 ? finalizers : null }),
  };
  return { metadata, ...(conditions && { status: { conditions } }) };
}

/** Takes all keys away. */
function without(keyed: object = {}): Record<string, null> {
  return Object.fromEntries(Object.keys(keyed).map((key) => [key, null]));
}
