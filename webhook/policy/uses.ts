import type { Pod } from "../../common/api/pod.ts";
import { isRequestKey, protectsKey } from "../../common/api/protection.ts";
import { asksMore, ENABLED, requestFault } from "./asking.ts";
import type { Profile } from "./profile.ts";

/** One protected thing that a pod carries. */
export type Use =
  | { kind: "class"; runtimeClassName: string; handler: string }
  | { kind: "annotation"; key: string }
  | { kind: "request"; key: string };

/** What a pod carries of one profile. */
export interface Carried {
  /** Needs a grant. */
  uses: Use[];
  /** Request annotations that nobody can follow. */
  faults: string[];
}

/** The pod that is judged, and which of it: everything on create, what was added or changed on update. */
export interface Subject {
  pod: Pod;
  /** As it was; undefined on create. */
  before: Pod | undefined;
  /** The handler of the pod's RuntimeClass; undefined where it names none, or the class is not to be judged. */
  handler: string | undefined;
  /** The annotation keys to judge. */
  keys: readonly string[];
}

/** What of a subject one profile protects. */
export function carried(profile: Profile, { pod, before, handler, keys }: Subject): Carried {
  const uses: Use[] = [];
  const faults: string[] = [];
  if (handler !== undefined && pod.runtimeClassName !== undefined && profile.handlers.has(handler)) {
    uses.push({ kind: "class", runtimeClassName: pod.runtimeClassName, handler });
  }
  for (const key of keys.filter((each) => protectsKey(profile, each))) {
    if (!isRequestKey(profile, key)) {
      uses.push({ kind: "annotation", key });
      continue;
    }
    const fault = requestFault(profile, pod, key);
    if (fault !== undefined) faults.push(fault);
    else if (pod.annotations[key] === ENABLED) uses.push({ kind: "request", key });
  }
  const { request } = profile;
  const asks = uses.some((each) => each.kind === "request");
  if (request !== undefined && before !== undefined && !asks && asksMore(profile, before, pod)) {
    uses.push({ kind: "request", key: request.annotation });
  }
  return { uses, faults };
}

/** The keys whose value is new: added or changed. Removing one is nobody's business but the pod's, unless a container asks by that. */
export function changedKeys(before: Pod, after: Pod): string[] {
  return Object.keys(after.annotations).filter((key) => after.annotations[key] !== before.annotations[key]);
}
