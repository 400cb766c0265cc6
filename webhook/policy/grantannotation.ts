import type { Pod } from "../../common/api/pod.ts";
import { GRANT_ANNOTATION } from "../../common/api/names.ts";
import { namesIn } from "../../common/api/subject.ts";
import { coveringGrants } from "./decide.ts";
import type { Change, Finding } from "./decide.ts";
import { nameable, summary } from "./grants.ts";
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
  const covering = findings.flatMap(({ coverage }) => nameable(coverage));
  const kept = namesIn(was).every((each) => named.includes(each));
  const honest = named.every((each) => namesIn(was).includes(each) || covering.includes(each));
  const tidy = is === (named.length === 0 ? undefined : named.join(","));
  if (kept && honest && tidy) return undefined;
  return `annotation ${GRANT_ANNOTATION} is written by schedgate alone: leave it as it is`;
}

/**
 * The findings, by the grants that the pod names: in these it takes its room, and where they have none any more, it has
 * none. Where it names no grant that covers, our mutating webhook did not see what needs one, and the pod would carry
 * no trace of it: a fault, judged like any by the profile's enforcement.
 */
export function withNamedGrants({ after }: Change, findings: readonly Finding[]): Finding[] {
  const named = namesIn(after.annotations[GRANT_ANNOTATION]);
  return findings.map((each) => {
    const { coverage } = each;
    if (coverage?.covered !== true) return each;
    const byName = summary(
      coverage.grants.filter((grant) => named.includes(grant)),
      coverage.full.filter(({ grant }) => named.includes(grant)),
    );
    if (byName !== undefined) return { ...each, coverage: byName };
    const fault =
      `another webhook added ${usesText(each.uses)} after schedgate saw the pod: put it in the pod template ` +
      "(or the grant is only seconds old: try again)";
    return { ...each, faults: [...each.faults, fault] };
  });
}
