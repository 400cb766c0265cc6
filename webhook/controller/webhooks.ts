import type { HookProfile } from "../../common/api/hookprofile.ts";
import type { Webhook } from "../admission/routes.ts";
import type { MatchCondition } from "./matchconditions.ts";
import { callsOf } from "./calls.ts";
import type { Call } from "./calls.ts";

/** Where the API server finds the webhook. */
type Target = { service: { namespace: string; name: string } } | { url: string };

/** Where the webhook is: for the API server, and the namespace of its own pods. */
export interface Place {
  target: Target;
  namespace: string;
}

/** The API server waits no longer; then the request is refused, where failurePolicy is Fail. */
const TIMEOUT_SECONDS = { Fail: 5, Ignore: 2 };

/**
 * The `webhooks` list of one configuration, whole and with every default written out, so that what the API server
 * holds can be compared with it.
 */
export function webhooksOf(
  webhook: Webhook,
  profiles: readonly HookProfile[],
  place: Place,
  bundle: string,
): ({ clientConfig: object } & Record<string, unknown>)[] {
  const caBundle = Buffer.from(bundle).toString("base64");
  const config = { caBundle, ...clientConfig(webhook, place.target) };
  return callsOf(webhook, profiles, place.namespace).map((each) => entry(webhook, each, config));
}

function entry(webhook: Webhook, { prefix, rules, conditions, failurePolicy }: Call, clientConfig: object) {
  return {
    name: `${prefix}${webhook}.schedgate.dev`,
    admissionReviewVersions: ["v1"],
    clientConfig,
    rules,
    matchConditions: conditions satisfies MatchCondition[],
    failurePolicy,
    matchPolicy: "Equivalent",
    // What is admitted takes room of its grant, a refusal leaves an event; a dry run does neither.
    sideEffects: "NoneOnDryRun",
    timeoutSeconds: TIMEOUT_SECONDS[failurePolicy],
    // No opt-out by anything that a tenant can edit.
    namespaceSelector: {},
    objectSelector: {},
    ...(webhook === "mutate" && { reinvocationPolicy: "IfNeeded" }),
  };
}

function clientConfig(webhook: Webhook, target: Target): object {
  if ("url" in target) return { url: `${target.url.replace(/\/+$/, "")}/${webhook}` };
  return { service: { ...target.service, path: `/${webhook}`, port: 443 } };
}
