import type { Json } from "../apiserver/cluster.ts";
import { annotationsOf, ASK, GRANT, pod, specOf } from "../apiserver/objects.ts";

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

/** What the load is made of. */
export const KINDS: Record<Kind, KindOfPod> = {
  granted: {
    namespace: "granted",
    rate: 3,
    body: (name) => pod({ name, runtimeClassName: "wrapper" }),
    whyWrong: (made) => (annotationsOf(made)[GRANT] === "granted" ? undefined : "names no grant"),
  },
  asking: {
    namespace: "granted",
    rate: 2,
    body: (name) => pod({ name, annotations: asking }),
    whyWrong: (made) => (specOf(made)["runtimeClassName"] === "wrapper" ? undefined : "has no RuntimeClass"),
  },
  limited: {
    namespace: "limited",
    rate: 1,
    body: (name) => pod({ name, annotations: asking }),
    whyWrong: (made) => (annotationsOf(made)[GRANT] === "limited" ? undefined : "names no grant"),
  },
  ordinary: { namespace: "plain", rate: 3, body: (name) => pod({ name }), whyWrong: NOTHING },
  unentitled: {
    namespace: "plain",
    rate: 1,
    body: (name) => pod({ name, annotations: asking }),
    whyWrong: () => "was made without right",
  },
};

/** Kinds that the webhook must let through at any time. */
export const ENTITLED: readonly Kind[] = ["granted", "asking", "limited"];
