import type { Pod } from "../../common/api/pod.ts";
import { GRANT_ANNOTATION } from "../../common/api/names.ts";
import { coveringGrants } from "./decide.ts";
import type { Change, Finding } from "./decide.ts";

/**
 * What the grant annotation of a pod is to be, undefined for none. On create: the grants that admit it. On update it
 * stays as it was, and where the update asks for something newly, the grants for that are added.
 */
export function rightGrantValue(before: Pod | undefined, findings: readonly Finding[]): string | undefined {
  const granted = coveringGrants(findings);
  const kept = before?.annotations[GRANT_ANNOTATION];
  if (granted.length === 0) return kept;
  return [...new Set([...namesIn(kept), ...granted])].sort().join(",");
}

/**
 * Why the grant annotation of the pod is not right, or undefined where it is. Another replica may have named another
 * of several grants that cover, so any of them is right.
 */
export function grantAnnotationFault(
  { before, after }: Change,
  findings: readonly Finding[],
): string | undefined {
  const [was, is] = [before?.annotations[GRANT_ANNOTATION], after.annotations[GRANT_ANNOTATION]];
  if (was === is && (before !== undefined || is === undefined) && coveringGrants(findings).length === 0)
    return undefined;
  const named = namesIn(is);
  const covering = findings.flatMap(({ coverage }) => (coverage?.covered === true ? [coverage.grants] : []));
  const kept = namesIn(was).every((each) => named.includes(each));
  const complete = covering.every((grants) => grants.some((each) => named.includes(each)));
  const honest = named.every((each) => namesIn(was).includes(each) || covering.flat().includes(each));
  const tidy = is === (named.length === 0 ? undefined : named.join(","));
  if (kept && complete && honest && tidy) return undefined;
  return `annotation ${GRANT_ANNOTATION} is written by schedgate alone: leave it as it is`;
}

/** The grants that a value names, sorted. */
function namesIn(value: string | undefined): string[] {
  return [...new Set((value ?? "").split(",").filter((each) => each !== ""))].sort();
}
