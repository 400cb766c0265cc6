import type { HookProfile } from "../../common/api/hookprofile.ts";
import { GRANT_ANNOTATION } from "../../common/api/names.ts";
import { NEW, OLD, someKey } from "./annotationmap.ts";
import { isOneOf, keyExpression, quoted } from "./keyexpression.ts";
import { optOutExpression } from "./optoutexpression.ts";

/** One entry of `matchConditions` of a webhook (admissionregistration.k8s.io/v1). */
export interface MatchCondition {
  name: string;
  expression: string;
}

/**
 * Which pods the API server sends to the webhooks at all, in CEL, from the profiles alone: a pod that carries nothing
 * protected is never delayed or blocked by us. On create: any RuntimeClass (which handler it has, only the webhook can
 * tell), a protected annotation, or ours. On update: only what was added or changed, so that old pods can always be
 * labelled, finalized and deleted; and where a container's own `disabled` is taken away, for by that it asks. The webhook's
 * own pods are not sent for a RuntimeClass that somebody gives to all pods: else none could be made while none serves. Who
 * may make pods under its service account owns the webhook anyway.
 * The filter may let through more than is protected, never less.
 */
export function matchConditions(profiles: readonly HookProfile[], ownNamespace: string): MatchCondition[] {
  const terms = [
    ...(handlersOf(profiles).length > 0
      ? [`(${IS_CREATE} && has(object.spec.runtimeClassName) && !${isOwnPod(ownNamespace)})`]
      : []),
    `(${HAS} && ${someKey(NEW, `(${keyExpression(profiles)}) && (${IS_CREATE} || ${IS_CHANGED})`, ARE_CHANGED)})`,
    `(${grantOf(HAS, NEW)} != (${IS_CREATE} ? [] : ${grantOf(HAD, OLD)}))`,
    `(!(${IS_CREATE}) && ${HAS} && ${HAD} && (${optOutExpression(profiles)}))`,
  ];
  return [condition(terms.join(" || "))];
}

/** Which Bindings: those that write something protected, or our annotation. A scheduler's write no annotation at all. */
export function bindingConditions(profiles: readonly HookProfile[]): MatchCondition[] {
  const key = `k == ${quoted(GRANT_ANNOTATION)} || ${keyExpression(profiles)}`;
  return [condition(`${HAS} && ${someKey(NEW, key)}`)];
}

/** Which pods are judged as they stand: those with any RuntimeClass or a protected annotation. */
export function standingConditions(profiles: readonly HookProfile[]): MatchCondition[] {
  return [condition(carries("object", profiles))];
}

/**
 * Which workloads: those whose pod template, at this path, carries something protected, when it is new. Those that a
 * controller makes for another workload are not sent: nobody reads what a controller is warned about.
 */
export function workloadConditions(profiles: readonly HookProfile[], path: string): MatchCondition[] {
  const [template, before] = [`object.${path}`, `oldObject.${path}`];
  const isNew = `(${IS_CREATE} || !has(${before}) || ${before} != ${template})`;
  return [
    condition(
      `has(${template}) && !has(object.metadata.ownerReferences) && (${carries(template, profiles)}) && ${isNew}`,
    ),
  ];
}

/** Which RuntimeClasses: those with a protected handler. */
export function classConditions(profiles: readonly HookProfile[]): MatchCondition[] {
  return [condition(isOneOf("object.handler", handlersOf(profiles)))];
}

function condition(expression: string): MatchCondition {
  return { name: "schedgate.dev/protected", expression };
}

function handlersOf(profiles: readonly HookProfile[]): string[] {
  return profiles.flatMap(({ spec }) => spec.protects.runtimeHandlers ?? []);
}

/** Whether a pod or a pod template has a RuntimeClass, where any handler is protected, or a protected annotation. */
function carries(pod: string, profiles: readonly HookProfile[]): string {
  const annotations = `${pod}.metadata.annotations`;
  const keyed = `has(${pod}.metadata) && has(${annotations}) && ${someKey(annotations, keyExpression(profiles))}`;
  const classed = handlersOf(profiles).length > 0 ? [`has(${pod}.spec.runtimeClassName)`] : [];
  return [...classed, `(${keyed})`].join(" || ");
}

/** The webhook's own, as the manifests name it. */
const SERVICE_ACCOUNT = "schedgate-webhook";

const HAS = `has(${NEW})`;
const HAD = `has(${OLD})`;
const IS_CREATE = 'request.operation == "CREATE"';
const ARE_CHANGED = `(${IS_CREATE} || !${HAD} || ${OLD} != ${NEW})`;
const IS_CHANGED = `!(${HAD} && k in ${OLD} && ${OLD}[k] == ${NEW}[k])`;

function isOwnPod(namespace: string): string {
  const account = "object.spec.serviceAccountName";
  return `(request.namespace == ${quoted(namespace)} && has(${account}) && ${account} == ${quoted(SERVICE_ACCOUNT)})`;
}

/** The grant annotation as a list of none or one, so that an empty value is not the same as none. */
function grantOf(has: string, annotations: string): string {
  const name = quoted(GRANT_ANNOTATION);
  return `(${has} && ${name} in ${annotations} ? [${annotations}[${name}]] : [])`;
}
