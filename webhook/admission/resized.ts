import { readPod } from "../../common/api/pod.ts";
import type { Finding, Rules } from "../policy/decide.ts";
import { resizeFindings } from "../policy/resize.ts";
import { verdict } from "../policy/verdict.ts";
import { handlerOfPod } from "./change.ts";
import type { ClusterView } from "./change.ts";
import type { Answer } from "./response.ts";
import type { AdmissionRequest } from "./review.ts";
import { answerWithRoom } from "./room.ts";
import type { Room } from "./room.ts";
import { answerOf } from "./validate.ts";

/** What the validating webhook says to a resize. The API server takes from it nothing but resources. */
export async function resizeAnswer(
  rules: Rules,
  { object, oldObject, namespace, dryRun }: AdmissionRequest,
  { cluster, room }: { cluster: ClusterView; room: Room },
): Promise<Answer> {
  const after = readPod(object, namespace ?? "");
  const before = readPod(oldObject, namespace ?? "");
  const change = { before, after, handler: await handlerOfPod(after, cluster) };
  const answerTo = (list: readonly Finding[]): Answer => answerOf(verdict(after, list), list);
  const judged = { rules, change, dryRun: dryRun === true };
  return answerWithRoom(resizeFindings(rules, change), answerTo, judged, room);
}
