import type { HookGrant } from "../../common/api/hookgrant.ts";
import type { Pod } from "../../common/api/pod.ts";

/** Whether a grant covers, and where none does, the nearest reason. */
export type Coverage =
  | { covered: true; grants: readonly [string, ...string[]] }
  | { covered: false; reason: "none" }
  /** One would, for another service account of the namespace. Neither is named: the asker may know neither. */
  | { covered: false; reason: "otherAccount" }
  | { covered: false; reason: "expired"; grant: string; notAfter: string }
  | { covered: false; reason: "noRoom"; grant: string; limit: "pods" | "isolatedCPUs" };

/** Nothing covers. */
export type Uncovered = Extract<Coverage, { covered: false }>;

/**
 * The grants for this profile that cover the pod's namespace and service account now, by name. The first is the one
 * that is said to have admitted the pod. Where none covers, the nearest is the reason: one without room may have room
 * again, one that expired may be renewed, one for another service account means that the pod names the wrong one.
 */
export function coverage(profile: string, pod: Pod, grants: readonly HookGrant[], now: Date): Coverage {
  const ofProfile = grants.filter((each) => each.spec.profileName === profile);
  const candidates = ofProfile.filter((each) => names(each, pod));
  const covering: string[] = [];
  const obstacles: Uncovered[] = [];
  for (const grant of candidates.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))) {
    const obstacle = obstacleOf(grant, now);
    if (obstacle === undefined) covering.push(grant.metadata.name);
    else obstacles.push(obstacle);
  }
  const [first, ...others] = covering;
  if (first !== undefined) return { covered: true, grants: [first, ...others] };
  const nearest = obstacles.find((each) => each.reason === "noRoom") ?? obstacles[0];
  if (nearest !== undefined) return nearest;
  const nearby = ofProfile.some((each) => isForNamespace(each, pod) && obstacleOf(each, now) === undefined);
  return { covered: false, reason: nearby ? "otherAccount" : "none" };
}

function isForNamespace({ spec }: HookGrant, pod: Pod): boolean {
  return spec.subjects.some((each) => each.namespace === pod.namespace);
}

/** Whether the pod is one of the grant's subjects. Who sent the request does not matter: controllers make pods. */
function names({ spec }: HookGrant, pod: Pod): boolean {
  return spec.subjects.some(
    (each) =>
      each.namespace === pod.namespace &&
      (each.serviceAccounts === undefined || each.serviceAccounts.includes(pod.serviceAccount)),
  );
}

function obstacleOf(
  { metadata, spec }: HookGrant,
  now: Date,
): Exclude<Coverage, { covered: true }> | undefined {
  if (isExpired(spec.notAfter, now)) {
    return { covered: false, reason: "expired", grant: metadata.name, notAfter: spec.notAfter ?? "" };
  }
  for (const limit of ["pods", "isolatedCPUs"] as const) {
    if (spec.limits?.[limit] === 0) return { covered: false, reason: "noRoom", grant: metadata.name, limit };
  }
  return undefined;
}

/** Whether this instant has come. One that cannot be read has: an end that nobody knows must not be later than any. */
export function isExpired(notAfter: string | undefined, now: Date): boolean {
  return notAfter !== undefined && !(now.getTime() < Date.parse(notAfter));
}
