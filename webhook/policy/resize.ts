import { GRANT_ANNOTATION } from "../../common/api/names.ts";
import type { Pod } from "../../common/api/pod.ts";
import { namesIn } from "../../common/api/subject.ts";
import { askingContainers } from "./asking.ts";
import { grows } from "./claims.ts";
import type { Finding, Rules } from "./decide.ts";
import { nameable } from "./grants.ts";
import { requirementFault } from "./requires.ts";
import { standing } from "./standing.ts";

/** A pod whose resources change while it runs. */
export interface Resize {
  before: Pod;
  after: Pod;
  /** Of its RuntimeClass; undefined where it names none. */
  handler: string | undefined;
}

/** What every profile says to a resize: a grant must cover the pod now, and count it, and it must stay fit for what it asks for. */
export function resizeFindings(rules: Rules, resize: Resize): Finding[] {
  return standing(rules, resize.after, resize.handler).map((each) => {
    const faults = [fitnessFault(each, resize), countFault(each, rules, resize)];
    return { ...each, faults: faults.filter((fault) => fault !== undefined) };
  });
}

function fitnessFault({ profile }: Finding, { before, after }: Resize): string | undefined {
  if (askingContainers(profile, after).length === 0) return undefined;
  // What was wrong already is not this request's doing.
  return requirementFault(profile, before) === undefined ? requirementFault(profile, after) : undefined;
}

/** A grant with limits counts those pods alone that name it, and no resize changes what a pod names. */
function countFault({ profile, coverage }: Finding, { grants }: Rules, resize: Resize): string | undefined {
  if (coverage?.covered !== true || !grows(profile, resize)) return undefined;
  const named = namesIn(resize.after.annotations[GRANT_ANNOTATION]);
  const unlimited = grants.filter(({ spec }) => spec.limits === undefined).map((each) => each.metadata.name);
  // Of one that it names and that is full, whoever takes its room says so.
  const isCounted = nameable(coverage).some((each) => named.includes(each));
  if (isCounted || coverage.grants.some((each) => unlimited.includes(each))) return undefined;
  return `it can take no more CPUs of HookGrant ${coverage.grants[0]}, which did not admit it: make the pod anew`;
}
