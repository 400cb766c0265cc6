import type { HookGrant } from "../../common/api/hookgrant.ts";
import { GRANT_ANNOTATION } from "../../common/api/names.ts";
import { namesIn } from "../../common/api/subject.ts";
import type { Change, Finding, Rules } from "./decide.ts";
import { isolatedCpus } from "./isolatedcpus.ts";
import { noMoreRoomFault, unknownRoomFault } from "./message.ts";
import type { Profile } from "./profile.ts";
import type { Full } from "./room.ts";

/** Room that an admitted pod takes of one grant. */
export interface Claim {
  grant: string;
  profile: Profile;
  isolatedCPUs: number;
}

/**
 * The room that a change takes, by grant: of each grant with limits that admits what is used newly, or that the pod names
 * newly, for by that name it counts there; and, where the pod's resources grow, of each that it names.
 */
export function claimsOf(rules: Rules, change: Change, findings: readonly Finding[]): Claim[] {
  const admitting = findings.flatMap(({ coverage }) =>
    coverage?.covered === true ? coverage.grants[0] : [],
  );
  const named = namesIn(change.after.annotations[GRANT_ANNOTATION]);
  const before = namesIn(change.before?.annotations[GRANT_ANNOTATION]);
  const profileOf = ({ spec }: HookGrant) => rules.profiles.find((each) => each.name === spec.profileName);
  return rules.grants
    .filter(({ spec, metadata }) => spec.limits !== undefined && named.includes(metadata.name))
    .flatMap((each) => {
      const [profile, grant] = [profileOf(each), each.metadata.name];
      const isNew = admitting.includes(grant) || !before.includes(grant);
      if (profile === undefined || !(isNew || grows(profile, change))) return [];
      return [{ grant, profile, isolatedCPUs: isolatedCpus(profile, change.after) }];
    })
    .sort((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1));
}

/** First those that decide whether the pod is refused: to wait for an answer about another may take all the time that there is. */
function orderOf({ profile, grant }: Claim): string {
  return `${profile.enforcement === "Enforce" ? 0 : 1} ${grant}`;
}

/** Whether the containers' resources grow by this profile's count; what asks is the pod's as it will be, so that only these count. */
export function grows(profile: Profile, { before, after }: Change): boolean {
  if (before === undefined) return false;
  const smaller = { ...after, containers: before.containers, resources: before.resources };
  return isolatedCpus(profile, after) > isolatedCpus(profile, smaller);
}

/** The findings, where nobody can say whether a grant has room for a claim. `why`: a clause. */
export function withUnknownRoom(
  findings: readonly Finding[],
  { profile, grant }: Claim,
  why: string,
): Finding[] {
  const faults = [unknownRoomFault(grant, why)];
  const own = findings.find((each) => each.profile.name === profile.name);
  if (own === undefined) return [...findings, { profile, uses: [], coverage: undefined, faults }];
  return findings.map((each) => (each === own ? { ...own, faults: [...own.faults, ...faults] } : each));
}

/** The findings, where a grant turned out to have no room for a claim. */
export function withoutRoom(findings: readonly Finding[], { profile }: Claim, full: Full): Finding[] {
  const isIts = (each: Finding): boolean => each.profile.name === profile.name;
  const usesIt = findings.some((each) => isIts(each) && each.uses.length > 0);
  if (!usesIt) {
    const faults = [noMoreRoomFault(full)];
    return [...findings.filter((each) => !isIts(each)), { profile, uses: [], coverage: undefined, faults }];
  }
  return findings.map((each) =>
    isIts(each) ? { ...each, coverage: { covered: false, reason: "noRoom", full: [full] } } : each,
  );
}
