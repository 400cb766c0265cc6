import { readPod } from "../../common/api/pod.ts";
import type { Rules } from "../policy/decide.ts";
import { resizeFindings } from "../policy/resize.ts";
import { verdict } from "../policy/verdict.ts";
import { handlerOfPod } from "./change.ts";
import type { ClusterView } from "./change.ts";
import type { Answer } from "./response.ts";
import type { AdmissionRequest } from "./review.ts";
import { answerOf } from "./validate.ts";

/** What the validating webhook says to a resize. The API server takes from it nothing but resources. */
export async function resizeAnswer(
  rules: Rules,
  { object, oldObject, namespace }: AdmissionRequest,
  cluster: ClusterView,
): Promise<Answer> {
  const after = readPod(object, namespace ?? "");
  const before = readPod(oldObject, namespace ?? "");
  const list = resizeFindings(rules, { before, after, handler: await handlerOfPod(after, cluster) });
  return answerOf(verdict(after, list), list);
}
