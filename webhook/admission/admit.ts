import type { Clock } from "../../common/clock.ts";
import { clip, messageOf, codeOf } from "../../common/errors.ts";
import type { Logger } from "../../common/log.ts";
import type { Rules } from "../policy/decide.ts";
import { isMirror } from "../policy/node.ts";
import { readChange } from "./change.ts";
import type { Classes } from "./change.ts";
import { mutation } from "./mutate.ts";
import { reviewOf } from "./response.ts";
import type { Answer } from "./response.ts";
import type { AdmissionRequest } from "./review.ts";
import { validation } from "./validate.ts";
import type { Room } from "./room.ts";

/** The two webhooks, by their path. */
export type Webhook = "mutate" | "validate";

/** What became of a request, for the metric. */
export type Decision = "allowed" | "denied" | "warned" | "audited" | "error";

export interface AdmissionDeps {
  /** The rules of this moment. @throws SchedgateError while the caches are not synced. */
  rules(now: Date): Pick<Rules, "profiles" | "grants">;
  classes: Classes;
  room: Room;
  clock: Clock;
  log: Logger;
  count: (webhook: Webhook, operation: string, decision: Decision) => void;
}

/** Answers one request with an AdmissionReview. Whatever goes wrong is a refusal: never an open door. */
export async function admit(
  webhook: Webhook,
  request: AdmissionRequest,
  deps: AdmissionDeps,
): Promise<object> {
  const answer = await answerTo(webhook, request, deps).catch((error: unknown) => failed(error, deps));
  const decision = decisionOf(answer);
  deps.count(webhook, request.operation, decision);
  const { uid, namespace, name, operation, subResource, userInfo } = request;
  const fields = { webhook, uid, namespace, name, operation, subResource, user: userInfo.username, decision };
  if (decision === "allowed") deps.log.debug(fields, "admission");
  else
    deps.log.info({ ...fields, reason: answer.refusal?.message ?? answer.audit?.["violation"] }, "admission");
  return reviewOf(request.uid, answer);
}

async function answerTo(webhook: Webhook, request: AdmissionRequest, deps: AdmissionDeps): Promise<Answer> {
  const now = deps.clock.now();
  const rules: Rules = { ...deps.rules(now), now };
  const change = await readChange(request, deps.classes);
  const groups = request.userInfo.groups ?? [];
  if (change.before === undefined && isMirror(change.after, groups)) return {};
  if (webhook === "mutate") return { patch: await mutation(rules, change, deps.classes) };
  return validation({ rules, change, dryRun: request.dryRun === true }, groups, deps.room);
}

/** Errors that are the request's, and errors that may be gone the next time; any other is ours. */
const CODES: Record<string, 403 | 503> = {
  E_CLASS: 403,
  E_POD: 403,
  E_NOT_SYNCED: 503,
  E_BUSY: 503,
  E_KUBE_API: 503,
};

function failed(error: unknown, { log }: AdmissionDeps): Answer {
  const code = codeOf(error) ?? "E_INTERNAL";
  log.error({ code, error: clip(messageOf(error)) }, "could not judge a request");
  return {
    refusal: {
      code: CODES[code] ?? 500,
      message: clip(`schedgate could not judge this: ${messageOf(error)}`),
    },
  };
}

function decisionOf({ refusal, warnings = [], audit = {} }: Answer): Decision {
  if (refusal !== undefined) return refusal.code === 403 ? "denied" : "error";
  if (warnings.length > 0) return "warned";
  return audit["violation"] === undefined ? "allowed" : "audited";
}
