import { GRANT_ANNOTATION } from "../../common/api/names.ts";
import { findings, isClean, coveringGrants } from "../policy/decide.ts";
import type { Finding } from "../policy/decide.ts";
import { forgedGrantFault, withNamedGrants } from "../policy/grantannotation.ts";
import { podLine } from "../policy/message.ts";
import { isNode, nodeRefusal } from "../policy/node.ts";
import { outcomeOf } from "../policy/outcome.ts";
import type { Verdict } from "../policy/verdict.ts";
import { verdict } from "../policy/verdict.ts";
import type { PodWrite } from "./change.ts";
import type { Answer } from "./response.ts";
import { answerWithRoom } from "./room.ts";
import type { Judged, Room } from "./room.ts";

/** A write of a pod, and the groups of whoever asks for it. */
type Asked = PodWrite & { groups: readonly string[] };

/** What the validating webhook says to a pod in its final state. */
export function validation(judged: Judged, asked: Asked, room: Room): Promise<Answer> {
  const { rules, change } = judged;
  const list = withNamedGrants(change, findings(rules, change));
  return answerWithRoom(list, (each) => answerTo(asked, each), judged, room);
}

function answerTo(asked: Asked, list: readonly Finding[]): Answer {
  const { change, groups } = asked;
  const said = verdict(change.after, list);
  const byNode = isNode(groups) ? nodeRefusal(change.after, list) : undefined;
  const fault = forgedGrantFault(change, list) ?? uidFault(asked, list);
  const refusal = byNode ?? said.refusal ?? (fault && podLine(change.after, fault));
  return answerOf({ ...said, refusal }, list);
}

/** An answer that leaves in the audit log which profiles spoke, and which grants were used. */
export function answerOf({ refusal, warnings, violation }: Verdict, list: readonly Finding[]): Answer {
  const profiles = list.map((each) => each.profile.name).join(",");
  const grants = coveringGrants(list.filter(isClean)).join(",");
  return {
    refusal: refusal === undefined ? undefined : { code: 403, message: refusal },
    warnings,
    outcomes: list.map(outcomeOf),
    audit: {
      ...(profiles !== "" && { profiles }),
      ...(grants !== "" && { grants }),
      ...(violation !== undefined && { violation }),
    },
  };
}

/** See `uidSteps` of the mutating webhook: only with the uid is it sure which pod is bound. */
function uidFault({ uids, written }: PodWrite, list: readonly Finding[]): string | undefined {
  const enforced = list.some((each) => each.profile.enforcement === "Enforce");
  const brings = enforced || Object.hasOwn(written, GRANT_ANNOTATION);
  if (uids === undefined || uids.named === uids.judged || !brings) return undefined;
  return `a Binding that writes what is protected must name the pod's uid, ${uids.judged}`;
}
