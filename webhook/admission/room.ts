import type { Pod } from "../../common/api/pod.ts";
import { messageOf } from "../../common/errors.ts";
import { claimsOf, withoutRoom, withUnknownRoom } from "../policy/claims.ts";
import type { Claim } from "../policy/claims.ts";
import type { Change, Finding, Rules } from "../policy/decide.ts";
import type { Full } from "../policy/room.ts";
import type { Answer } from "./response.ts";

/** The room of grants with limits. */
export interface Room {
  /** Takes it, in a dry run only looks. Resolves with what is lacking. @throws where that can't be known. */
  reserve(claim: Claim, pod: Pod, dryRun: boolean): Promise<Full | undefined>;
  /** Gives back what was taken for a pod that is refused after all. */
  release(claim: Claim, pod: Pod): void;
}

/** A change that is judged, and whether it is meant. */
export interface Judged {
  rules: Rules;
  change: Change;
  dryRun: boolean;
}

/** The answer to findings; where it admits, the pod has its room by then. */
export async function answerWithRoom(
  findings: readonly Finding[],
  answerTo: (findings: readonly Finding[]) => Answer,
  { rules, change, dryRun }: Judged,
  room: Room,
): Promise<Answer> {
  const first = answerTo(findings);
  if (first.refusal !== undefined) return first;
  const taken: Claim[] = [];
  // What a running pod holds already is not given back: it goes on as it is.
  const giveBack = (): void => {
    if (change.before === undefined && !dryRun) for (const each of taken) room.release(each, change.after);
  };
  let list = findings;
  for (const claim of claimsOf(rules, change, findings)) {
    try {
      const full = await room.reserve(claim, change.after, dryRun);
      if (full === undefined) taken.push(claim);
      else list = withoutRoom(list, claim, full);
    } catch (error) {
      // A pod that is in doubt is refused, but for a profile that refuses none; it is counted once it is seen.
      if (claim.profile.enforcement === "Enforce") {
        giveBack();
        throw error;
      }
      list = withUnknownRoom(list, claim, messageOf(error));
    }
  }
  const last = answerTo(list);
  if (last.refusal !== undefined) giveBack();
  return last;
}
