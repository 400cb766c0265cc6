import type { Pod } from "../../common/api/pod.ts";
import { claimsOf, withoutRoom } from "../policy/claims.ts";
import type { Claim } from "../policy/claims.ts";
import { findings, isClean, coveringGrants } from "../policy/decide.ts";
import type { Change, Finding, Rules } from "../policy/decide.ts";
import { forgedGrantFault, withNamedGrants } from "../policy/grantannotation.ts";
import { isNode, nodeRefusal } from "../policy/node.ts";
import type { Full } from "../policy/room.ts";
import { verdict } from "../policy/verdict.ts";
import type { Answer } from "./response.ts";

/** The room of grants with limits. */
export interface Room {
  /** Takes it, in a dry run only looks. Resolves with what is lacking. @throws where that can't be known. */
  reserve(claim: Claim, pod: Pod, dryRun: boolean): Promise<Full | undefined>;
  /** Gives back what was taken for a pod that is refused after all. */
  release(claim: Claim, pod: Pod): void;
}

/** Who asks, and whether it is meant. */
export interface Asker {
  groups: readonly string[];
  dryRun: boolean;
}

/** What the validating webhook says to a pod in its final state. Where it admits, the pod has its room. */
export async function validation(rules: Rules, change: Change, asker: Asker, room: Room): Promise<Answer> {
  const { after, before } = change;
  let list = withNamedGrants(change, findings(rules, change));
  const answer = answerTo(change, list, asker.groups);
  if (answer.refusal !== undefined) return answer;
  const taken: Claim[] = [];
  for (const claim of claimsOf(rules, change, list)) {
    const full = await room.reserve(claim, after, asker.dryRun);
    if (full === undefined) taken.push(claim);
    else list = withoutRoom(list, claim, full);
  }
  const last = answerTo(change, list, asker.groups);
  // What a running pod holds already is not given back: it goes on as it is.
  if (last.refusal !== undefined && before === undefined && !asker.dryRun)
    for (const claim of taken) room.release(claim, after);
  return last;
}

function answerTo(change: Change, list: readonly Finding[], groups: readonly string[]): Answer {
  const { refusal, warnings, violation } = verdict(change.after, list);
  const byNode = isNode(groups) ? nodeRefusal(change.after, list) : undefined;
  const forged = forgedGrantFault(change, list);
  const reason =
    byNode ?? refusal ?? (forged && `pod ${change.after.namespace}/${change.after.name}: ${forged}`);
  const profiles = list.map((each) => each.profile.name).join(",");
  const grants = coveringGrants(list.filter(isClean)).join(",");
  return {
    refusal: reason === undefined ? undefined : { code: 403, message: reason },
    warnings,
    audit: {
      ...(profiles !== "" && { profiles }),
      ...(grants !== "" && { grants }),
      ...(violation !== undefined && { violation }),
    },
  };
}
