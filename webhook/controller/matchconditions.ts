import type { HookProfile } from "../../common/api/hookprofile.ts";
import { containerFormPrefix, GRANT_ANNOTATION } from "../../common/api/names.ts";
import { globParts, globToRe2, parseGlob } from "../../common/glob.ts";
import type { Glob } from "../../common/glob.ts";

/** One entry of `matchConditions` of a webhook (admissionregistration.k8s.io/v1). */
export interface MatchCondition {
  name: string;
  expression: string;
}

/**
 * Which pods the API server sends to the webhooks at all, in CEL, from the profiles alone: a pod that carries nothing
 * protected is never delayed or blocked by us. On create: any RuntimeClass (which handler it has, only the webhook can
 * tell), a protected annotation, or ours. On update: only what was added or changed, so that old pods can always be
 * labelled, finalized and deleted. The webhook's own pods are not sent for a RuntimeClass that somebody gives to all
 * pods: else none could be made while none serves. Who may make pods under its service account owns the webhook anyway.
 * The filter may let through more than is protected, never less.
 */
export function matchConditions(profiles: readonly HookProfile[], ownNamespace: string): MatchCondition[] {
  const classes = profiles.some((each) => (each.spec.protects.runtimeHandlers ?? []).length > 0);
  const terms = [
    ...(classes ? [`(${IS_CREATE} && has(object.spec.runtimeClassName) && !${isOwnPod(ownNamespace)})`] : []),
    `(${HAS} && ${NEW}.exists(k, (${keyExpression(profiles)}) && (${IS_CREATE} || ${IS_CHANGED})))`,
    `(${grantOf(HAS, NEW)} != (${IS_CREATE} ? [] : ${grantOf(HAD, OLD)}))`,
  ];
  return [{ name: "schedgate.dev/protected", expression: terms.join(" || ") }];
}

/** The webhook's own, as the manifests name it. */
const SERVICE_ACCOUNT = "schedgate-webhook";

const NEW = "object.metadata.annotations";
const OLD = "oldObject.metadata.annotations";
const HAS = `has(${NEW})`;
const HAD = `has(${OLD})`;
const IS_CREATE = 'request.operation == "CREATE"';
const IS_CHANGED = `!(${HAD} && k in ${OLD} && ${OLD}[k] == ${NEW}[k])`;

/** The API server compiles no expression of more than 100,000 characters; about so many of them are for the keys. */
const MAX_LENGTH = 60_000;

/** How many characters of each glob are looked at: all, or, where that gets too long, fewer; in the end every key counts. */
const PRECISIONS = [Infinity, 64, 24, 8, 2];

function isOwnPod(namespace: string): string {
  const account = "object.spec.serviceAccountName";
  return `(request.namespace == ${quoted(namespace)} && has(${account}) && ${account} == ${quoted(SERVICE_ACCOUNT)})`;
}

/** The grant annotation as a list of none or one, so that an empty value is not the same as none. */
function grantOf(has: string, annotations: string): string {
  const name = quoted(GRANT_ANNOTATION);
  return `(${has} && ${name} in ${annotations} ? [${annotations}[${name}]] : [])`;
}

/** CEL over the annotation key `k`, as exact as its length allows. */
function keyExpression(profiles: readonly HookProfile[]): string {
  const globs = new Set(profiles.flatMap(({ spec }) => spec.protects.annotations ?? []));
  const requests = new Set(profiles.flatMap(({ spec }) => spec.request?.annotation ?? []));
  for (const precision of PRECISIONS) {
    const expression = keyTerms(globs, requests, precision);
    if (expression !== undefined) return expression;
  }
  return "true";
}

/** Undefined where it would be too long; it stops as soon as it is. */
function keyTerms(
  globs: Iterable<string>,
  requests: Iterable<string>,
  precision: number,
): string | undefined {
  const literals = new Set<string>();
  const others = new Set<string>();
  let length = 0;
  const add = (terms: Set<string>, term: string): void => {
    if (!terms.has(term)) length += term.length + 4; // " || "
    terms.add(term);
  };
  const exactly = (text: string): void => {
    if (text.length <= precision) add(literals, quoted(text));
    else add(others, startsWith(text.slice(0, precision)));
  };
  for (const request of requests) {
    exactly(request);
    add(others, startsWith(containerFormPrefix(request).slice(0, precision)));
  }
  for (const text of globs) {
    const glob = parseGlob(text);
    const { head, isLiteral, isPrefix } = globParts(glob);
    if (isLiteral) exactly(head);
    else add(others, isPrefix ? startsWith(head.slice(0, precision)) : globExpression(glob, precision));
    if (length > MAX_LENGTH) return undefined;
  }
  const list = [...literals].sort();
  const terms = [...(list.length > 0 ? [`k in [${list.join(", ")}]`] : []), ...[...others].sort()];
  return terms.length > 0 ? terms.join(" || ") : "false";
}

function startsWith(text: string): string {
  return `k.startsWith(${quoted(text)})`;
}

/** Cheap tests first: the API server counts the cost of each, and refuses a pod that costs too much. */
function globExpression(glob: Glob, precision: number): string {
  const { head, tail } = globParts(glob);
  const tests = [
    ...(head === "" ? [] : [startsWith(head.slice(0, precision))]),
    ...(tail === "" ? [] : [`k.endsWith(${quoted(tail.slice(-precision))})`]),
    `k.matches(${quoted(globToRe2(glob, precision))})`,
  ];
  return `(${tests.join(" && ")})`;
}

/** A CEL string; everything here is printable ASCII, for which JSON's escapes are CEL's. */
function quoted(text: string): string {
  return JSON.stringify(text);
}
