import type { HookProfile } from "../../common/api/hookprofile.ts";
import type { Webhook } from "../admission/admit.ts";
import { matchConditions } from "./matchconditions.ts";

/** Where the API server finds the webhook. */
type Target = { service: { namespace: string; name: string } } | { url: string };

/** Where the webhook is: for the API server, and the namespace of its own pods. */
export interface Place {
  target: Target;
  namespace: string;
}

/** The API server waits no longer; then the pod is refused, because failurePolicy is Fail. */
const TIMEOUT_SECONDS = 5;

/**
 * The `webhooks` list of one configuration, whole and with every default written out, so that what the API server
 * holds can be compared with it.
 */
export function webhooksOf(
  webhook: Webhook,
  profiles: readonly HookProfile[],
  { target, namespace }: Place,
  bundle: string,
): Record<string, unknown>[] {
  return [
    {
      name: `${webhook}.schedgate.dev`,
      admissionReviewVersions: ["v1"],
      clientConfig: { caBundle: Buffer.from(bundle).toString("base64"), ...clientConfig(webhook, target) },
      rules: [
        {
          apiGroups: [""],
          apiVersions: ["v1"],
          operations: ["CREATE", "UPDATE"],
          // Annotations can be written by way of the status too: that write resets the spec, not the metadata.
          resources: ["pods", "pods/status"],
          scope: "Namespaced",
        },
      ],
      matchConditions: matchConditions(profiles, namespace),
      failurePolicy: "Fail",
      matchPolicy: "Equivalent",
      // The validating webhook takes room of grants with limits; a dry run takes none.
      sideEffects: webhook === "validate" ? "NoneOnDryRun" : "None",
      timeoutSeconds: TIMEOUT_SECONDS,
      // No opt-out by anything that a tenant can edit.
      namespaceSelector: {},
      objectSelector: {},
      ...(webhook === "mutate" && { reinvocationPolicy: "IfNeeded" }),
    },
  ];
}

function clientConfig(webhook: Webhook, target: Target): object {
  if ("url" in target) return { url: `${target.url.replace(/\/+$/, "")}/${webhook}` };
  return { service: { ...target.service, path: `/${webhook}`, port: 443 } };
}
