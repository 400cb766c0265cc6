import type { Pod } from "../../common/api/pod.ts";
import { findings } from "./decide.ts";
import type { Finding, Rules } from "./decide.ts";

/**
 * What every profile says to a pod as it stands, whoever admitted it and when: only whether a grant covers now what it
 * uses. `handler` is that of its RuntimeClass, undefined where it names none.
 */
export function standing(rules: Rules, pod: Pod, handler: string | undefined): Finding[] {
  return findings(rules, { before: undefined, after: pod, handler })
    .filter((each) => each.uses.length > 0)
    .map((each) => ({ ...each, faults: [] }));
}
