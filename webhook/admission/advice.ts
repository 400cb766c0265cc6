import { readPod } from "../../common/api/pod.ts";
import type { Rules } from "../policy/decide.ts";
import { standing } from "../policy/standing.ts";
import { verdict } from "../policy/verdict.ts";
import { handlerOfPod } from "./change.ts";
import type { ClusterView } from "./change.ts";
import type { Answer } from "./response.ts";
import type { AdmissionRequest } from "./review.ts";
import type { Route } from "./routes.ts";
import { classAdvice } from "./runtimeclass.ts";
import { answerOf } from "./validate.ts";
import { workloadAdvice } from "./workload.ts";

/** Judges what is never refused, only warned about. */
type Adviser = (rules: Rules, request: AdmissionRequest, cluster: ClusterView) => Promise<Answer>;

const ADVISERS: Partial<Record<Route, Adviser>> = {
  debug: debugAdvice,
  workload: workloadAdvice,
  class: classAdvice,
};

/** The adviser of a route, undefined where its requests can be refused. */
export function adviserOf(route: Route): Adviser | undefined {
  return ADVISERS[route];
}

/** Ephemeral containers run by the pod's handler: who may not use it should know, but must be able to debug. */
async function debugAdvice(
  rules: Rules,
  { object, namespace }: AdmissionRequest,
  cluster: ClusterView,
): Promise<Answer> {
  const pod = readPod(object, namespace ?? "");
  const list = standing(rules, pod, await handlerOfPod(pod, cluster));
  const { refusal, warnings, violation } = verdict(pod, list);
  const lines = [...(refusal === undefined ? [] : [refusal]), ...warnings];
  return answerOf({ refusal: undefined, warnings: lines, violation }, list);
}
