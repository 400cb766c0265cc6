import jsonpatch from "fast-json-patch";
import * as z from "zod";
import { GRANT_ANNOTATION } from "../../common/api/names.ts";
import { readPod } from "../../common/api/pod.ts";
import type { Clock } from "../../common/clock.ts";
import { codeOf, SchedgateError } from "../../common/errors.ts";
import { silentLogger } from "../../common/log.ts";
import { admit } from "../admission/admit.ts";
import type { Webhook } from "../admission/admit.ts";
import { readWrite } from "../admission/change.ts";
import type { Classes, ClusterView } from "../admission/change.ts";
import type { AdmissionRequest } from "../admission/review.ts";
import { findings } from "../policy/decide.ts";
import type { Change, Rules } from "../policy/decide.ts";
import { usesText } from "../policy/message.ts";

/** What pods are judged by. */
export interface Law {
  rules: Pick<Rules, "profiles" | "grants">;
  classes: Classes;
}

/** What of a pod one profile protects. */
interface Protection {
  profile: string;
  enforcement: string;
  /** What is protected, in words. */
  uses: string;
  /** The grants that cover it now. */
  grants: readonly string[];
}

/** What would become of a pod that is created now. */
export interface Judgement {
  verdict: "allowed" | "warned" | "audited" | "refused";
  /** The webhook's own line, where the verdict is not plainly `allowed`. */
  message?: string;
  /** Why it is allowed: the grants, none where nothing protected is used. */
  grants: readonly string[];
  protections: readonly Protection[];
  /** What the webhook would write on the pod. */
  injected: { runtimeClassName?: string; grant?: string };
}

const answer = z.object({
  response: z.object({
    allowed: z.boolean(),
    status: z.object({ code: z.number(), message: z.string() }).optional(),
    warnings: z.array(z.string()).optional(),
    auditAnnotations: z.record(z.string(), z.string()).optional(),
    patch: z.base64().optional(),
  }),
});
type Response = z.infer<typeof answer>["response"];

/**
 * Judges a pod as the webhook would: the same two steps, mutating and validating, by the same code.
 * @throws SchedgateError E_JUDGE where the webhook could not say either, which refuses the pod.
 */
export async function judge(pod: object, namespace: string, law: Law, clock: Clock): Promise<Judgement> {
  const call = (webhook: Webhook, object: object): Promise<Response> =>
    ask(webhook, requestFor(object, namespace), law, clock);
  const mutated = await call("mutate", pod);
  if (!mutated.allowed) return refused(mutated);
  const after = patched(pod, mutated.patch);
  const validated = await call("validate", after);
  const details = {
    protections: await protectionsOf(after, namespace, law, clock),
    injected: injectedInto(pod, after, namespace),
  };
  return validated.allowed ? { ...allowed(validated), ...details } : { ...refused(validated), ...details };
}

function requestFor(object: object, namespace: string): AdmissionRequest {
  return {
    uid: "check",
    kind: { group: "", version: "v1", kind: "Pod" },
    resource: { group: "", version: "v1", resource: "pods" },
    operation: "CREATE",
    namespace,
    userInfo: {},
    object,
  };
}

async function ask(webhook: Webhook, request: AdmissionRequest, law: Law, clock: Clock): Promise<Response> {
  const deps = {
    rules: () => law.rules,
    cluster: clusterOf(law),
    // Whether there is room is judged by what the grants say; none is taken for what is not made.
    room: { reserve: () => Promise.resolve(undefined), release: () => undefined },
    clock,
    log: silentLogger,
    count: () => undefined,
  };
  const { response } = answer.parse(await admit(webhook, request, deps));
  const { status } = response;
  if (status === undefined || status.code === 403) return response;
  throw new SchedgateError("E_JUDGE", status.message);
}

/** Only creates are judged here, and these look at no other pod. */
function clusterOf({ classes }: Law): ClusterView {
  return {
    handlerOf: (name) => classes.handlerOf(name),
    livePod: () => Promise.resolve(undefined),
  };
}

function patched(pod: object, patch: string | undefined): object {
  if (patch === undefined) return pod;
  const steps = JSON.parse(Buffer.from(patch, "base64").toString("utf8")) as jsonpatch.Operation[];
  return jsonpatch.applyPatch(structuredClone(pod), steps).newDocument;
}

function refused({ status }: Response): Judgement {
  return { verdict: "refused", message: status?.message ?? "", grants: [], protections: [], injected: {} };
}

function allowed({ warnings = [], auditAnnotations = {} }: Response): Judgement {
  const grants = (auditAnnotations["grants"] ?? "").split(",").filter((each) => each !== "");
  const none = { grants, protections: [], injected: {} };
  const { violation } = auditAnnotations;
  if (warnings.length > 0) return { verdict: "warned", message: warnings.join("; "), ...none };
  if (violation !== undefined) return { verdict: "audited", message: violation, ...none };
  return { verdict: "allowed", ...none };
}

async function protectionsOf(pod: object, namespace: string, law: Law, clock: Clock): Promise<Protection[]> {
  const change = await changeOf(pod, namespace, clusterOf(law));
  if (change === undefined) return [];
  return findings({ ...law.rules, now: clock.now() }, change)
    .filter((each) => each.uses.length > 0)
    .map(({ profile, uses, coverage }) => ({
      profile: profile.name,
      enforcement: profile.enforcement,
      uses: usesText(uses),
      grants: coverage?.covered === true ? coverage.grants : [],
    }));
}

/** undefined where the class does not exist: what it would mean is not known, and the verdict says so. */
async function changeOf(pod: object, namespace: string, cluster: ClusterView): Promise<Change | undefined> {
  try {
    return (await readWrite("create", requestFor(pod, namespace), cluster)).change;
  } catch (error) {
    if (codeOf(error) === "E_CLASS") return undefined;
    throw error;
  }
}

function injectedInto(pod: object, after: object, namespace: string): Judgement["injected"] {
  const [was, is] = [readPod(pod, namespace), readPod(after, namespace)];
  const grant = is.annotations[GRANT_ANNOTATION];
  return {
    ...(is.runtimeClassName !== undefined &&
      was.runtimeClassName === undefined && { runtimeClassName: is.runtimeClassName }),
    ...(grant !== undefined && { grant }),
  };
}
