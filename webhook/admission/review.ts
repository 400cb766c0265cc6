import * as z from "zod";
import { isListOf, isString } from "../../common/guards.ts";
import { clip, messageOf, SchedgateError } from "../../common/errors.ts";

const requestSchema = z.object({
  uid: z.string().min(1),
  kind: z.object({ group: z.string(), version: z.string(), kind: z.string() }),
  resource: z.object({ group: z.string(), version: z.string(), resource: z.string() }),
  subResource: z.string().nullish(),
  namespace: z.string().nullish(),
  name: z.string().nullish(),
  operation: z.enum(["CREATE", "UPDATE", "DELETE", "CONNECT"]),
  dryRun: z.boolean().nullish(),
  userInfo: z.object({
    username: z.string().nullish(),
    groups: z.custom<string[]>(isListOf(isString), "not a list of strings").nullish(),
  }),
  object: z.unknown().optional(),
  oldObject: z.unknown().optional(),
});

const reviewSchema = z.object({
  apiVersion: z.literal("admission.k8s.io/v1"),
  kind: z.literal("AdmissionReview"),
  request: requestSchema,
});

/** The request of an AdmissionReview v1, https://pkg.go.dev/k8s.io/api/admission/v1#AdmissionRequest. */
export type AdmissionRequest = z.infer<typeof requestSchema>;

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
  const parsed = reviewSchema.safeParse(json);
  if (parsed.success) return parsed.data.request;
  const problem = clip(z.prettifyError(parsed.error).replaceAll("\n", " "));
  throw new SchedgateError("E_REVIEW", `not an AdmissionReview of admission.k8s.io/v1: ${problem}`);
}
