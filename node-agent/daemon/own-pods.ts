import * as z from "zod";
import type { Condition } from "../../common/api/meta.ts";
import { type HookGrant, hookGrantSchema } from "../../common/api/hookgrant.ts";
import { messageOf } from "../../common/errors.ts";
import { pathOf, resources } from "../../common/kube/paths.ts";
import { type KubeApi, hasStatus } from "../../common/kube/port.ts";

/** The type of the pod condition that a readiness gate may name. */
export const ISOLATED = "schedgate.dev/isolated";

/** A pod by what the runtime tells of it. */
export interface PodName {
  namespace: string;
  pod: string;
  podUID: string;
}

/** What the agent reads of a pod of its node. */
export interface PodFacts {
  namespace: string;
  serviceAccount: string;
  annotations: Readonly<Record<string, string>>;
  /** The API's picture of a pod from a static file; its uid is another than the runtime's. */
  isMirror: boolean;
  /** Whether it waits for the condition. */
  isGated: boolean;
  /** The condition as it stands. */
  condition: { status: string; lastTransitionTime?: string | null | undefined } | undefined;
}

const conditionSchema = z.object({
  type: z.string(),
  status: z.string(),
  lastTransitionTime: z.string().nullish(),
});
const MIRROR = "kubernetes.io/config.mirror";
const podSchema = z.object({
  metadata: z.object({ uid: z.string(), annotations: z.record(z.string(), z.string()).nullish() }),
  spec: z.object({
    serviceAccountName: z.string().nullish(),
    readinessGates: z.array(z.object({ conditionType: z.string() })).nullish(),
  }),
  status: z.object({ conditions: z.array(conditionSchema).nullish() }).nullish(),
});

/**
 * The pod as the API has it; undefined where there is none, or another of that name. Read by a patch of its status that
 * changes nothing: the agent may read no pods, and a ValidatingAdmissionPolicy holds that patch to its own node.
 * @throws KubeApiError
 */
export async function readPod(
  api: KubeApi,
  { namespace, pod, podUID }: PodName,
): Promise<PodFacts | undefined> {
  const path = pathOf(resources.pods, { namespace, name: pod, subresource: "status" });
  try {
    const answer = await api.request({ method: "PATCH", path, query: { dryRun: "All" }, body: {} });
    const { metadata, spec, status } = podSchema.parse(answer);
    const annotations = metadata.annotations ?? {};
    const isMirror = annotations[MIRROR] === podUID;
    if (metadata.uid !== podUID && !isMirror) return undefined;
    const serviceAccount = spec.serviceAccountName ? spec.serviceAccountName : "default";
    const isGated = spec.readinessGates?.some((gate) => gate.conditionType === ISOLATED) === true;
    const condition = status?.conditions?.find(({ type }) => type === ISOLATED);
    return { namespace, serviceAccount, annotations, isMirror, isGated, condition };
  } catch (error) {
    if (hasStatus(error, 404)) return undefined;
    throw error;
  }
}

/** Those of the grants that are there. @throws KubeApiError */
export async function readGrants(api: KubeApi, names: readonly string[]): Promise<HookGrant[]> {
  const found: HookGrant[] = [];
  for (const name of names) {
    try {
      const path = pathOf(resources.hookGrants, { name });
      found.push(hookGrantSchema.parse(await api.request({ method: "GET", path })));
    } catch (error) {
      if (!hasStatus(error, 404)) throw error;
    }
  }
  return found;
}

/** Writes the pod's condition; no error where the pod is gone, or another has its name. @throws KubeApiError */
export async function writeCondition(
  api: KubeApi,
  { namespace, pod, podUID }: PodName,
  condition: Omit<Condition, "observedGeneration">,
): Promise<void> {
  const path = pathOf(resources.pods, { namespace, name: pod, subresource: "status" });
  const body = { metadata: { uid: podUID }, status: { conditions: [condition] } };
  try {
    await api.request({ method: "PATCH", path, patch: "strategic", body });
  } catch (error) {
    const isOther = hasStatus(error, 422) && messageOf(error).includes("metadata.uid: ");
    if (!isOther && !hasStatus(error, 404)) throw error;
  }
}
