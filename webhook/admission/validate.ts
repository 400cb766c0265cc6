import { findings, isClean, coveringGrants } from "../policy/decide.ts";
import type { Change, Finding } from "../policy/decide.ts";
import { forgedGrantFault, withNamedGrants } from "../policy/grantannotation.ts";
import { isNode, nodeRefusal } from "../policy/node.ts";
import { verdict } from "../policy/verdict.ts";
import type { Answer } from "./response.ts";
import { answerWithRoom } from "./room.ts";
import type { Judged, Room } from "./room.ts";

/** What the validating webhook says to a pod in its final state. */
export async function validation(judged: Judged, groups: readonly string[], room: Room): Promise<Answer> {
  const { rules, change } = judged;
  const list = withNamedGrants(change, findings(rules, change));
  return answerWithRoom(list, (each) => answerTo(change, each, groups), judged, room);
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
