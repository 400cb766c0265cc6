import type { Pod } from "../../common/api/pod.ts";
import { askingContainers } from "./asking.ts";
import type { Finding, Rules } from "./decide.ts";
import { requirementFault } from "./requires.ts";
import { standing } from "./standing.ts";

/** A pod whose resources change while it runs. */
export interface Resize {
  before: Pod;
  after: Pod;
  /** Of its RuntimeClass; undefined where it names none. */
  handler: string | undefined;
}

/** What every profile says to a resize: a grant must cover the pod now, and it must stay fit for what it asks for. */
export function resizeFindings(rules: Rules, { before, after, handler }: Resize): Finding[] {
  return standing(rules, after, handler).map((each) => {
    if (askingContainers(each.profile, after).length === 0) return each;
    // What was wrong already is not this request's doing.
    if (requirementFault(each.profile, before) !== undefined) return each;
    const fault = requirementFault(each.profile, after);
    return fault === undefined ? each : { ...each, faults: [fault] };
  });
}
