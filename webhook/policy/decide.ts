import type { HookGrant } from "../../common/api/hookgrant.ts";
import type { Pod } from "../../common/api/pod.ts";
import { missingClassFault } from "./inject.ts";
import { askingContainers, contradictionFault } from "./asking.ts";
import { coverage } from "./grants.ts";
import type { Coverage } from "./grants.ts";
import type { Profile } from "./profile.ts";
import { requirementFault } from "./requires.ts";
import { carried, changedKeys } from "./uses.ts";
import type { Subject, Use } from "./uses.ts";

/** What the cluster allows, at one moment. */
export interface Rules {
  /** Oldest first: of two with the same request annotation the older one has it. */
  profiles: readonly Profile[];
  grants: readonly HookGrant[];
  now: Date;
}

/** A pod as one request would make it. */
export interface Change {
  /** undefined on create. */
  before: Pod | undefined;
  after: Pod;
  /** The handler of `after`'s RuntimeClass; undefined where it names none. */
  handler: string | undefined;
}

/** What one profile says to a change that uses it. */
export interface Finding {
  profile: Profile;
  uses: readonly Use[];
  /** Of the uses; undefined where there is none. */
  coverage: Coverage | undefined;
  /** What else is wrong, each a clause of a sentence. */
  faults: readonly string[];
}

/** What every profile says to a change; profiles that it does not use say nothing. */
export function findings(rules: Rules, change: Change): Finding[] {
  const subject = subjectOf(change);
  return rules.profiles
    .map((profile) => finding(profile, rules, change, subject))
    .filter((each) => each.uses.length > 0 || each.faults.length > 0);
}

/** Whether nothing stands against the change as far as this profile goes. */
export function isClean(finding: Finding): boolean {
  return finding.faults.length === 0 && finding.coverage?.covered !== false;
}

/** The grants that cover what is used. */
export function coveringGrants(list: readonly Finding[]): string[] {
  return list.flatMap(({ coverage: each }) => (each?.covered === true ? [each.grants[0]] : []));
}

/** A pod keeps its class for life, so on update only annotations that were added or changed are judged. */
function subjectOf({ before, after, handler }: Change): Subject {
  const keys = before === undefined ? Object.keys(after.annotations) : changedKeys(before, after);
  const sameClass = before?.runtimeClassName === after.runtimeClassName;
  return { pod: after, before, handler: sameClass ? undefined : handler, keys };
}

function finding(profile: Profile, rules: Rules, change: Change, subject: Subject): Finding {
  const { after, before, handler } = change;
  const { uses, faults } = carried(profile, subject);
  const covers = uses.length === 0 ? undefined : coverage(profile, after, rules.grants, rules.now);
  const asks = uses.some((each) => each.kind === "request") && askingContainers(profile, after).length > 0;
  const more = [
    before === undefined ? contradictionFault(profile, after) : undefined,
    asks ? requirementFault(profile, after) : undefined,
    asks && before === undefined && covers?.covered === true
      ? missingClassFault(profile, after, handler)
      : undefined,
  ];
  return {
    profile,
    uses,
    coverage: covers,
    faults: [...faults, ...more.filter((each) => each !== undefined)],
  };
}
