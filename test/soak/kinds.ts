import { resources } from "../../common/kube/paths.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import { create, namespace } from "../apiserver/cluster.ts";
import type { Json } from "../apiserver/cluster.ts";
import { annotationsOf, ASK, grant, GRANT, pod, specOf } from "../apiserver/objects.ts";
import type { PodOptions } from "../apiserver/objects.ts";

export type Kind = "granted" | "asking" | "limited" | "ordinary" | "unentitled";

/** One kind of pod of the steady load. */
export interface KindOfPod {
  namespace: string;
  /** Pods a second. */
  rate: number;
  body(name: string): Json;
  /** What is wrong with a pod that was made, or undefined. */
  whyWrong(made: Json): string | undefined;
}

const asking = { [ASK]: "enabled" };
const NOTHING = (): undefined => undefined;

/** Pods of no scheduler: what a node would do with them is not measured. */
const load = (options: PodOptions): Json => pod({ ...options, schedulerName: "none" });

/** Their namespaces, and who may use what there. */
export async function entitle(api: KubeApi): Promise<void> {
  for (const each of ["plain", "granted", "limited"]) await namespace(api, each);
  await create(api, resources.hookGrants, grant("granted", "granted"));
  const limits = { pods: 500, isolatedCPUs: 1_000 };
  await create(api, resources.hookGrants, grant("limited", "limited", { limits }));
}

/** What the load is made of. */
export const KINDS: Record<Kind, KindOfPod> = {
  granted: {
    namespace: "granted",
    rate: 3,
    body: (name) => load({ name, runtimeClassName: "wrapper" }),
    whyWrong: (made) => (annotationsOf(made)[GRANT] === "granted" ? undefined : "names no grant"),
  },
  asking: {
    namespace: "granted",
    rate: 2,
    body: (name) => load({ name, annotations: asking }),
    whyWrong: (made) => (specOf(made)["runtimeClassName"] === "wrapper" ? undefined : "has no RuntimeClass"),
  },
  limited: {
    namespace: "limited",
    rate: 1,
    body: (name) => load({ name, annotations: asking }),
    whyWrong: (made) => (annotationsOf(made)[GRANT] === "limited" ? undefined : "names no grant"),
  },
  ordinary: { namespace: "plain", rate: 3, body: (name) => load({ name }), whyWrong: NOTHING },
  unentitled: {
    namespace: "plain",
    rate: 1,
    body: (name) => load({ name, annotations: asking }),
    whyWrong: () => "was made without right",
  },
};

/** Kinds that the webhook must let through at any time. */
export const ENTITLED: readonly Kind[] = ["granted", "asking", "limited"];
