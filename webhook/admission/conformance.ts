import * as z from "zod";

const pointer = z.string().regex(/^(\/([^~]|~[01])*)?$/);
const patchSchema = z
  .array(
    z.union([
      z.strictObject({ op: z.enum(["add", "replace"]), path: pointer, value: z.unknown() }),
      z.strictObject({ op: z.literal("remove"), path: pointer }),
    ]),
  )
  .min(1);

function isPatch(text: string): boolean {
  try {
    return patchSchema.safeParse(JSON.parse(text)).success;
  } catch {
    // Not even JSON: the caller reports it as no patch.
    return false;
  }
}

/** What the API server accepts as an answer; it treats any other as a webhook that failed. */
const reviewSchema = z.strictObject({
  apiVersion: z.literal("admission.k8s.io/v1"),
  kind: z.literal("AdmissionReview"),
  response: z.strictObject({
    uid: z.string(),
    allowed: z.boolean(),
    status: z
      .strictObject({
        code: z.int().min(400).max(599),
        reason: z.string(),
        message: z.string(),
        details: z.strictObject({ retryAfterSeconds: z.int().min(1) }).optional(),
      })
      .optional(),
    warnings: z.array(z.string().regex(/^[^\n\r]*$/)).optional(),
    auditAnnotations: z
      .record(
        z
          .string()
          .regex(/^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/)
          .max(63),
        z.string(),
      )
      .optional(),
    patch: z
      .base64()
      .min(1)
      .refine((text) => isPatch(Buffer.from(text, "base64").toString("utf8")), "not a JSON patch (RFC 6902)")
      .optional(),
    patchType: z.literal("JSONPatch").optional(),
  }),
});

/**
 * The rules by which the API server judges an answer, for tests: VerifyAdmissionResponse in k8s.io/apiserver
 * (pkg/admission/plugin/webhook/request/admissionreview.go), and the dispatchers' use of it. Returns its complaints.
 */
export function complaints(uid: string, mutating: boolean, review: unknown): string[] {
  const parsed = reviewSchema.safeParse(review);
  if (!parsed.success) return [z.prettifyError(parsed.error)];
  const { response } = parsed.data;
  const { patch, patchType } = response;
  return [
    ...(response.uid === uid ? [] : [`expected response.uid=${uid}, got ${response.uid}`]),
    ...(patch !== undefined && patchType === undefined ? ["response.patch but not response.patchType"] : []),
    ...(patch === undefined && patchType !== undefined ? ["response.patchType but not response.patch"] : []),
    ...(mutating || patch === undefined ? [] : ["validating webhook may not return response.patch"]),
    ...(response.allowed === (response.status === undefined)
      ? []
      : ["a status exactly where it is not allowed"]),
    ...(response.allowed || patch === undefined ? [] : ["a patch to what is refused"]),
  ];
}
