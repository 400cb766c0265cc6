import { check, checkFields, isListOf, isOptional, isString } from "../../common/guards.ts";
import type { Guard } from "../../common/guards.ts";
import { clip, messageOf, SchedgateError } from "../../common/errors.ts";

/** What we read of the request of an AdmissionReview v1, https://pkg.go.dev/k8s.io/api/admission/v1#AdmissionRequest. */
export interface AdmissionRequest {
  uid: string;
  kind: { group: string; version: string; kind: string };
  resource: { group: string; version: string; resource: string };
  subResource?: string | null;
  namespace?: string | null;
  name?: string | null;
  operation: (typeof OPERATIONS)[number];
  dryRun?: boolean | null;
  userInfo: { username?: string | null; groups?: string[] | null };
  object?: unknown;
  oldObject?: unknown;
}

const OPERATIONS = ["CREATE", "UPDATE", "DELETE", "CONNECT"] as const;

const is =
  (value: unknown): Guard =>
  (other) =>
    other === value;
const text = check(isString, "not a string");
const optionalText = check(isOptional(isString), "not a string");

// Checks, not a schema, which would take more of each admission than all judging.
const reviewCheck = checkFields({
  apiVersion: check(is("admission.k8s.io/v1"), "not admission.k8s.io/v1"),
  kind: check(is("AdmissionReview"), "not AdmissionReview"),
  request: checkFields({
    uid: check((value) => isString(value) && value !== "", "not a string that says something"),
    kind: checkFields({ group: text, version: text, kind: text }),
    resource: checkFields({ group: text, version: text, resource: text }),
    subResource: optionalText,
    namespace: optionalText,
    name: optionalText,
    operation: check((value) => OPERATIONS.some(is(value)), `none of ${OPERATIONS.join(", ")}`),
    dryRun: check(
      isOptional((value) => typeof value === "boolean"),
      "not a boolean",
    ),
    userInfo: checkFields({
      username: optionalText,
      groups: check(isOptional(isListOf(isString)), "not a list of strings"),
    }),
  }),
});

/**
 * Reads the body of a call by the API server. Only v1 is answered: it is the only version our configurations name.
 * @throws SchedgateError E_REVIEW, for HTTP 400: without a request there is nothing an AdmissionReview could answer.
 */
export function readReview(body: Buffer): AdmissionRequest {
  let json: unknown;
  try {
    json = JSON.parse(body.toString("utf8"));
  } catch (error) {
    throw new SchedgateError("E_REVIEW", `the body is not JSON: ${clip(messageOf(error))}`, { cause: error });
  }
  const fault = reviewCheck(json);
  if (fault === undefined) return (json as { request: AdmissionRequest }).request;
  throw new SchedgateError("E_REVIEW", `not an AdmissionReview of admission.k8s.io/v1: ${clip(fault)}`);
}
