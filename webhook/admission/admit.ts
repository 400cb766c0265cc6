import type { Clock } from "../../common/clock.ts";
import { clip, messageOf, codeOf } from "../../common/errors.ts";
import type { Logger } from "../../common/log.ts";
import type { Rules } from "../policy/decide.ts";
import { isMirror } from "../policy/node.ts";
import type { Outcome } from "../policy/outcome.ts";
import { adviserOf } from "./advice.ts";
import { readWrite } from "./change.ts";
import type { ClusterView } from "./change.ts";
import { mutation } from "./mutate.ts";
import { resizeAnswer } from "./resized.ts";
import { reviewOf } from "./response.ts";
import type { Answer } from "./response.ts";
import type { AdmissionRequest } from "./review.ts";
import { routeOf } from "./routes.ts";
import type { Webhook } from "./routes.ts";
import { validation } from "./validate.ts";
import type { Room } from "./room.ts";

export type { Webhook } from "./routes.ts";

/** What became of a request, for the metric. */
export type Decision = "allowed" | "denied" | "warned" | "audited" | "error";

export interface AdmissionDeps {
  /** What a pod of this namespace is judged by at this moment. @throws SchedgateError while the caches are not synced. */
  rules(namespace: string): Pick<Rules, "profiles" | "grants">;
  cluster: ClusterView;
  room: Room;
  clock: Clock;
  log: Logger;
  count: (webhook: Webhook, operation: string, decision: Decision, more: Answered) => void;
}

/** One request and what was said to it, for metrics and events. */
export interface Answered {
  request: AdmissionRequest;
  /** From the request, read, to the answer. */
  seconds: number;
  outcomes: readonly Outcome[];
  /** The line of a refusal. */
  refusal: string | undefined;
}

/** Answers one request with an AdmissionReview. Whatever goes wrong is a refusal: never an open door. */
export async function admit(
  webhook: Webhook,
  request: AdmissionRequest,
  deps: AdmissionDeps,
): Promise<object> {
  const started = performance.now();
  const answer = await answerTo(webhook, request, deps).catch((error: unknown) => failed(error, deps));
  const decision = decisionOf(answer);
  const seconds = (performance.now() - started) / 1000;
  const { outcomes = [], refusal } = answer;
  deps.count(webhook, request.operation, decision, { request, seconds, outcomes, refusal: refusal?.message });
  const { uid, namespace, name, operation, subResource, userInfo } = request;
  const fields = { webhook, uid, namespace, name, operation, subResource, user: userInfo.username, decision };
  if (decision === "allowed") deps.log.debug(fields, "admission");
  else
    deps.log.info({ ...fields, reason: answer.refusal?.message ?? answer.audit?.["violation"] }, "admission");
  return reviewOf(request.uid, answer);
}

async function answerTo(webhook: Webhook, request: AdmissionRequest, deps: AdmissionDeps): Promise<Answer> {
  const { cluster } = deps;
  const route = routeOf(webhook, request);
  const adviser = adviserOf(route);
  if (adviser !== undefined) {
    const advice = async (): Promise<Answer> => adviser(rulesNow(deps, request), request, cluster);
    return advice().catch((error: unknown) => ({ warnings: [unjudged(error, deps).message] }));
  }
  const rules = rulesNow(deps, request);
  if (route === "resize") return resizeAnswer(rules, request, deps);
  const write = await readWrite(route, request, cluster);
  const user = { username: request.userInfo.username ?? "", groups: request.userInfo.groups ?? [] };
  if (route === "create" && isMirror(write.change.after, user)) return {};
  if (webhook === "mutate") return { patch: await mutation(rules, write, cluster) };
  const judged = { rules, change: write.change, dryRun: request.dryRun === true };
  return validation(judged, { ...write, groups: user.groups }, deps.room);
}

function rulesNow(deps: AdmissionDeps, { namespace }: AdmissionRequest): Rules {
  return { ...deps.rules(namespace ?? ""), now: deps.clock.now() };
}

/** Errors that are the request's, and errors that may be gone the next time; any other is ours. */
const CODES: Record<string, 403 | 503> = {
  E_CLASS: 403,
  E_POD: 403,
  E_NOT_SYNCED: 503,
  E_BUSY: 503,
  E_KUBE_API: 503,
};

function failed(error: unknown, deps: AdmissionDeps): Answer {
  const { code, message } = unjudged(error, deps);
  return { refusal: { code: CODES[code] ?? 500, message } };
}

function unjudged(error: unknown, { log }: AdmissionDeps): { code: string; message: string } {
  const code = codeOf(error) ?? "E_INTERNAL";
  log.error({ code, error: clip(messageOf(error)) }, "could not judge a request");
  return { code, message: clip(`schedgate could not judge this: ${messageOf(error)}`) };
}

function decisionOf({ refusal, warnings = [], audit = {} }: Answer): Decision {
  if (refusal !== undefined) return refusal.code === 403 ? "denied" : "error";
  if (warnings.length > 0) return "warned";
  return audit["violation"] === undefined ? "allowed" : "audited";
}
