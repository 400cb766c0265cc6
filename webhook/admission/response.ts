import type { Outcome } from "../policy/outcome.ts";
import type { PatchStep } from "./patch.ts";

/** What the webhook says to one request, before it becomes an AdmissionReview. */
export interface Answer {
  /** Set: refused. */
  refusal?: { code: 403 | 500 | 503; message: string } | undefined;
  warnings?: readonly string[] | undefined;
  /** For the API server's audit log; it puts the webhook's name before each key. */
  audit?: Readonly<Record<string, string>> | undefined;
  patch?: readonly PatchStep[] | undefined;
  /** What each profile said, for metrics; not for the API server. */
  outcomes?: readonly Outcome[] | undefined;
}

/** What may be gone the next time: client-go tries again by itself after so many seconds (rest/with_retry.go). */
const RETRY = { details: { retryAfterSeconds: 1 } };

const REASONS = { 403: "Forbidden", 500: "InternalError", 503: "ServiceUnavailable" };

/**
 * The AdmissionReview that answers the request `uid`: the only place that makes one. `patchType` goes with `patch` or
 * not at all, else the API server refuses the answer (apiserver, pkg/admission/plugin/webhook/request).
 */
export function reviewOf(uid: string, { refusal, warnings = [], audit = {}, patch = [] }: Answer): object {
  const response = {
    uid,
    allowed: refusal === undefined,
    ...(refusal && {
      status: {
        code: refusal.code,
        reason: REASONS[refusal.code],
        message: refusal.message,
        ...(refusal.code === 503 && RETRY),
      },
    }),
    ...(warnings.length > 0 && { warnings }),
    ...(Object.keys(audit).length > 0 && { auditAnnotations: audit }),
    ...(patch.length > 0 && {
      patchType: "JSONPatch",
      patch: Buffer.from(JSON.stringify(patch)).toString("base64"),
    }),
  };
  return { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", response };
}
