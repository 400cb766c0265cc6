import type { HookProfile } from "../../common/api/hookprofile.ts";
import { containerFormPrefix, GRANT_ANNOTATION } from "../../common/api/names.ts";
import { globParts, globToRe2, parseGlob } from "../../common/glob.ts";

/** One entry of `matchConditions` of a webhook (admissionregistration.k8s.io/v1). */
export interface MatchCondition {
  name: string;
  expression: string;
}

/**
 * Which pods the API server sends to the webhooks at all, in CEL, from the profiles alone: a pod that carries nothing
 * protected is never delayed or blocked by us. On create: any RuntimeClass (which handler it has, only the webhook can
 * tell), a protected annotation, or ours. On update: only what was added or changed, so that old pods can always be
 * labelled, finalized and deleted. The filter may let through more than is protected, never less.
 */
export function matchConditions(profiles: readonly HookProfile[]): MatchCondition[] {
  const key = keyExpression(profiles);
  const classes = profiles.some((each) => (each.spec.protects.runtimeHandlers ?? []).length > 0);
  const create = [
    ...(classes ? ["has(object.spec.runtimeClassName)"] : []),
    `(${HAS} && ${ANNOTATIONS}.exists(k, k == ${quoted(GRANT_ANNOTATION)} || ${key}))`,
  ];
  const update = [
    `(${HAS} && ${ANNOTATIONS}.exists(k, (${key}) && !(${HAD} && k in ${OLD} && ${OLD}[k] == ${ANNOTATIONS}[k])))`,
    `${grantOf(HAS, ANNOTATIONS)} != ${grantOf(HAD, OLD)}`,
  ];
  return [
    {
      name: "schedgate.dev/protected",
      expression: `request.operation == "CREATE" ? (${create.join(" || ")}) : (${update.join(" || ")})`,
    },
  ];
}

const ANNOTATIONS = "object.metadata.annotations";
const OLD = "oldObject.metadata.annotations";
const HAS = `has(${ANNOTATIONS})`;
const HAD = `has(${OLD})`;

/** The grant annotation as a list of none or one, so that an empty value is not the same as none. */
function grantOf(has: string, annotations: string): string {
  const name = quoted(GRANT_ANNOTATION);
  return `(${has} && ${name} in ${annotations} ? [${annotations}[${name}]] : [])`;
}

/** CEL over the annotation key `k`: cheap tests first, because the API server counts the cost of each. */
function keyExpression(profiles: readonly HookProfile[]): string {
  const literals = new Set<string>();
  const others = new Set<string>();
  for (const { spec } of profiles) {
    for (const text of spec.protects.annotations ?? []) {
      const glob = parseGlob(text);
      const { head, tail, isLiteral, isPrefix } = globParts(glob);
      if (isLiteral) literals.add(head);
      else others.add(isPrefix ? startsWith(head) : globExpression(head, tail, globToRe2(glob)));
    }
    if (spec.request !== undefined) {
      literals.add(spec.request.annotation);
      others.add(startsWith(containerFormPrefix(spec.request.annotation)));
    }
  }
  const list = [...literals].sort().map(quoted);
  const terms = [...(list.length > 0 ? [`k in [${list.join(", ")}]`] : []), ...[...others].sort()];
  return terms.length > 0 ? terms.join(" || ") : "false";
}

function startsWith(text: string): string {
  return `k.startsWith(${quoted(text)})`;
}

function globExpression(head: string, tail: string, re2: string): string {
  const tests = [
    ...(head === "" ? [] : [startsWith(head)]),
    ...(tail === "" ? [] : [`k.endsWith(${quoted(tail)})`]),
    `k.matches(${quoted(re2)})`,
  ];
  return `(${tests.join(" && ")})`;
}

/** A CEL string; everything here is printable ASCII, for which JSON's escapes are CEL's. */
function quoted(text: string): string {
  return JSON.stringify(text);
}
