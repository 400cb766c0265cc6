import * as z from "zod";
import type { Answered, Decision, Webhook } from "../admission/admit.ts";
import type { AdmissionRequest } from "../admission/review.ts";
import type { EventDraft, Regarding } from "./events.ts";

const text = z.string().min(1).max(253);
const owner = z.object({
  apiVersion: text,
  kind: text,
  name: text,
  uid: text,
  controller: z.boolean().nullish(),
});
const owned = z.object({
  metadata: z.object({
    name: text.nullish(),
    uid: text.nullish(),
    ownerReferences: z.array(owner).nullish(),
  }),
});

/** The event for a pod that was refused, undefined where there is nothing to tell or nobody to tell it to. */
export function refusalEvent(
  webhook: Webhook,
  decision: Decision,
  { request, outcomes, refusal }: Answered,
): EventDraft | undefined {
  if (webhook !== "validate" || decision !== "denied" || refusal === undefined || request.dryRun === true)
    return undefined;
  const ungranted = outcomes.some(({ reason }) => reason !== "Granted" && reason !== "Unusable");
  const regarding = toldTo(request);
  const reason = ungranted ? "HookNotGranted" : "HookRefused";
  return (
    regarding && {
      regarding,
      reason,
      action: request.operation === "CREATE" ? "Create" : "Update",
      note: refusal,
    }
  );
}

/** A pod that is there; of one that will not be, its controller, or its namespace where a person made it. */
function toldTo(request: AdmissionRequest): Regarding | undefined {
  const parsed = owned.safeParse(request.object);
  if (!request.namespace || !parsed.success) return undefined;
  const { namespace } = request;
  const { name, uid, ownerReferences } = parsed.data.metadata;
  if (request.operation === "UPDATE" && name && uid)
    return { apiVersion: "v1", kind: "Pod", namespace, name, uid };
  const controller = ownerReferences?.find((each) => each.controller === true);
  if (controller === undefined) return { apiVersion: "v1", kind: "Namespace", namespace, name: namespace };
  const { apiVersion, kind, ...rest } = controller;
  return { apiVersion, kind, namespace, name: rest.name, uid: rest.uid };
}
