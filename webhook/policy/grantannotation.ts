import type { Pod } from "../../common/api/pod.ts";
import { GRANT_ANNOTATION } from "../../common/api/names.ts";
import { coveringGrants } from "./decide.ts";
import type { Change, Finding } from "./decide.ts";
import { usesText } from "./message.ts";

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
 * Why the grant annotation is not ours, or undefined where it is: forged, changed or removed. Another replica may have
 * named another of several grants that cover, so any of them is right. One that names too little is not forged.
 */
export function forgedGrantFault(
  { before, after }: Change,
  findings: readonly Finding[],
): string | undefined {
  const [was, is] = [before?.annotations[GRANT_ANNOTATION], after.annotations[GRANT_ANNOTATION]];
  if (was === is) return undefined;
  const named = namesIn(is);
  const covering = findings.flatMap(({ coverage }) => (coverage?.covered === true ? coverage.grants : []));
  const kept = namesIn(was).every((each) => named.includes(each));
  const honest = named.every((each) => namesIn(was).includes(each) || covering.includes(each));
  const tidy = is === (named.length === 0 ? undefined : named.join(","));
  if (kept && honest && tidy) return undefined;
  return `annotation ${GRANT_ANNOTATION} is written by schedgate alone: leave it as it is`;
}

/**
 * The findings, each with a fault more where what it grants is not named on the pod: our mutating webhook did not see
 * it, so the pod would carry no trace of its grant. Judged like any fault, by the profile's enforcement.
 */
export function withUnnamedGrants({ after }: Change, findings: readonly Finding[]): Finding[] {
  const named = namesIn(after.annotations[GRANT_ANNOTATION]);
  return findings.map((each) => {
    if (each.coverage?.covered !== true) return each;
    if (each.coverage.grants.some((grant) => named.includes(grant))) return each;
    const fault =
      `another webhook added ${usesText(each.uses)} after schedgate saw the pod: put it in the pod template ` +
      "(or the grant is only seconds old: try again)";
    return { ...each, faults: [...each.faults, fault] };
  });
}

/** The grants that a value names, sorted. */
function namesIn(value: string | undefined): string[] {
  return [...new Set((value ?? "").split(",").filter((each) => each !== ""))].sort();
}
