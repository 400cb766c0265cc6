import type { HookGrant } from "../../common/api/hookgrant.ts";
import { GRANT_ANNOTATION } from "../../common/api/names.ts";
import type { Pod } from "../../common/api/pod.ts";
import { isSubject, namesIn } from "../../common/api/subject.ts";
import { isolatedCpus } from "./isolatedcpus.ts";
import type { Profile } from "./profile.ts";
import { shortage } from "./room.ts";
import type { Full } from "./room.ts";

/** Whether a grant covers, and where none does, the nearest reason. `full`: these would, had they room. */
export type Coverage =
  | { covered: true; grants: readonly [string, ...string[]]; full: readonly Full[] }
  | { covered: false; reason: "none" }
  /** One would, for another service account of the namespace. Neither is named: the asker may know neither. */
  | { covered: false; reason: "otherAccount" }
  | { covered: false; reason: "expired"; grant: string; notAfter: string }
  | { covered: false; reason: "noRoom"; full: readonly [Full, ...Full[]] };

/** Nothing covers. */
export type Uncovered = Extract<Coverage, { covered: false }>;

/**
 * The grants for this profile that cover the pod's namespace and service account now. The first is the one that is
 * said to have admitted the pod: one that it names already, else one without limits, else the first by name. Where none
 * covers, the nearest is the reason: one without room may have room again, one that expired may be renewed, one for
 * another service account means that the pod names the wrong one.
 */
export function coverage(profile: Profile, pod: Pod, grants: readonly HookGrant[], now: Date): Coverage {
  const ofProfile = grants.filter((each) => each.spec.profileName === profile.name);
  const candidates = ofProfile.filter((each) => isSubject(each, pod));
  const live = candidates.filter(({ spec }) => !isExpired(spec.notAfter, now)).sort(byPreference(pod));
  const limited = live.some(({ spec }) => spec.limits !== undefined);
  const wanted = { uid: pod.uid, isolatedCPUs: limited ? isolatedCpus(profile, pod) : 0 };
  const full = live.flatMap((each) => shortage(each, wanted) ?? []);
  const grantsWithRoom = live
    .map((each) => each.metadata.name)
    .filter((name) => !full.some((each) => each.grant === name));
  const nearby = ofProfile.some((each) => wouldForAnother(each, pod, now));
  const nearest = { covered: false, reason: nearby ? "otherAccount" : "none" } as const;
  return summary(grantsWithRoom, full) ?? expiredOf(candidates) ?? nearest;
}

/** Whether a grant lets nobody in whatever holds its room: a limit of 0, or expired. */
export function grantsNothing({ limits, notAfter }: HookGrant["spec"], now: Date): boolean {
  return limits?.pods === 0 || limits?.isolatedCPUs === 0 || isExpired(notAfter, now);
}

/** Whether a pod of this namespace would be covered by another service account. */
function wouldForAnother(grant: HookGrant, pod: Pod, now: Date): boolean {
  const { spec } = grant;
  return !grantsNothing(spec, now) && spec.subjects.some((each) => each.namespace === pod.namespace);
}

/** What to say of these grants, those with room and those without; undefined where there are none at all. */
export function summary(grants: readonly string[], full: readonly Full[]): Coverage | undefined {
  const [[first, ...others], [nearest, ...further]] = [grants, full];
  if (first !== undefined) return { covered: true, grants: [first, ...others], full };
  return nearest && { covered: false, reason: "noRoom", full: [nearest, ...further] };
}

/** The grants that may stand on the pod, also where they have just run out of room. */
export function nameable(coverage: Coverage | undefined): string[] {
  const full = coverage !== undefined && "full" in coverage ? coverage.full.map((each) => each.grant) : [];
  return coverage?.covered === true ? [...coverage.grants, ...full] : full;
}

function byPreference(pod: Pod): (a: HookGrant, b: HookGrant) => number {
  const named = namesIn(pod.annotations[GRANT_ANNOTATION]);
  const rank = ({ metadata, spec }: HookGrant): number =>
    (named.includes(metadata.name) ? 0 : 2) + (spec.limits === undefined ? 0 : 1);
  return (a, b) => rank(a) - rank(b) || (a.metadata.name < b.metadata.name ? -1 : 1);
}

/** The first of these grants, all expired. */
function expiredOf(grants: readonly HookGrant[]): Coverage | undefined {
  const [first] = [...grants].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  return (
    first && {
      covered: false,
      reason: "expired",
      grant: first.metadata.name,
      notAfter: first.spec.notAfter ?? "",
    }
  );
}

/** Whether this instant has come. One that cannot be read has: an end that nobody knows must not be later than any. */
export function isExpired(notAfter: string | undefined, now: Date): boolean {
  return notAfter !== undefined && !(now.getTime() < Date.parse(notAfter));
}
