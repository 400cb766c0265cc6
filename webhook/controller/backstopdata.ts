import type { HookGrant } from "../../common/api/hookgrant.ts";
import type { HookProfile } from "../../common/api/hookprofile.ts";
import { containerFormPrefix } from "../../common/api/names.ts";
import { globParts, globToRe2, parseGlob } from "../../common/glob.ts";
import type { RuntimeClass } from "../inventory/classes.ts";
import { byNamespace } from "../policy/bynamespace.ts";
import { grantsNothing } from "../policy/grants.ts";

/** What the backstop is made of. */
export interface Law {
  profiles: readonly HookProfile[];
  grants: readonly HookGrant[];
  classes: readonly RuntimeClass[];
  now: Date;
}

/** The parameters, and the globs that are too dear to be among them. */
export interface BackstopData {
  data: Record<string, string>;
  leftOut: string[];
}

/**
 * So many characters of patterns without a literal head may be tried on every annotation of every pod: with 100 long
 * keys that is the cost the API server allows one expression (1,000,000); past it, it would refuse ordinary pods.
 */
const MAX_HEADLESS = 2_000;

/**
 * The parameters of the backstop's policy (manifests/optional/backstop/policy.yaml), as the `data` of its ConfigMap:
 * - `profiles`: a line a profile that enforces; its fields, apart by tabs: name, its handlers' number where it has any,
 *   request annotation, prefix of the request's form per container, keys, prefixes of keys, patterns. A field holds
 *   items apart by spaces; a pattern is `HEAD|RE2`.
 * - `classes`, where a profile protects handlers: a line a RuntimeClass: name, tab, the profiles that protect it.
 * - `ns.NAMESPACE`: what is granted there, apart by spaces: `PROFILE/ACCOUNT[/NOT_AFTER]`, ACCOUNT `*` for all.
 * Empty where no profile enforces.
 */
export function backstopData({ profiles, grants, classes, now }: Law): BackstopData {
  const enforcing = profiles.filter(({ spec }) => spec.enforcement === "Enforce");
  if (enforcing.length === 0) return { data: {}, leftOut: [] };
  const budget = { headless: MAX_HEADLESS, leftOut: [] as string[] };
  const protectsHandlers = enforcing.some((each) => handlersOf(each).length > 0);
  const data = {
    profiles: lines(enforcing.map((each) => profileLine(each, budget))),
    ...(protectsHandlers && { classes: lines(classes.map((each) => classLine(each, enforcing))) }),
    ...granted(enforcing, grants, now),
  };
  return { data, leftOut: budget.leftOut };
}

interface Budget {
  headless: number;
  leftOut: string[];
}

function profileLine(profile: HookProfile, budget: Budget): string {
  const { metadata, spec } = profile;
  const { names, prefixes, patterns } = keyTests(spec.protects.annotations ?? [], budget);
  const handlers = handlersOf(profile).length;
  const request = spec.request?.annotation;
  const fields = [
    [metadata.name],
    handlers > 0 ? [String(handlers)] : [],
    request === undefined ? [] : [request],
    request === undefined ? [] : [containerFormPrefix(request)],
    names,
    prefixes,
    patterns,
  ];
  return fields.map((each) => [...new Set(each)].sort().join(" ")).join("\t");
}

/** The cheapest test for each glob: the API server counts the cost, and refuses a pod that costs too much. */
function keyTests(
  globs: readonly string[],
  budget: Budget,
): { names: string[]; prefixes: string[]; patterns: string[] } {
  const tests = { names: [] as string[], prefixes: [] as string[], patterns: [] as string[] };
  for (const glob of globs.map(parseGlob)) {
    const { head, isLiteral, isPrefix } = globParts(glob);
    const plain = /^[A-Za-z0-9/._-]*/.exec(head)?.[0] ?? "";
    if (isLiteral && plain === head) tests.names.push(head);
    else if (isPrefix && plain === head) tests.prefixes.push(head);
    else tests.patterns.push(...affordable(plain, globToRe2(glob), budget));
  }
  return tests;
}

function affordable(head: string, pattern: string, budget: Budget): string[] {
  const cost = head === "" ? pattern.length : 0;
  if (cost > budget.headless) {
    budget.leftOut.push(pattern);
    return [];
  }
  budget.headless -= cost;
  return [`${head}|${pattern}`];
}

function classLine({ metadata, handler }: RuntimeClass, profiles: readonly HookProfile[]): string {
  const by = profiles.filter((each) => handlersOf(each).includes(handler)).map((each) => each.metadata.name);
  return `${metadata.name}\t${by.sort().join(" ")}`;
}

function granted(
  profiles: readonly HookProfile[],
  grants: readonly HookGrant[],
  now: Date,
): Record<string, string> {
  const names = new Set(profiles.map(({ metadata }) => metadata.name));
  const live = grants.filter(({ spec }) => names.has(spec.profileName) && !grantsNothing(spec, now));
  const entries = [...byNamespace(live)].map(([namespace, list]) => {
    const all = list.flatMap(({ spec }) => entriesOf(spec, namespace));
    return [`ns.${namespace}`, [...new Set(all)].sort().join(" ")] as const;
  });
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function entriesOf({ subjects, profileName, notAfter }: HookGrant["spec"], namespace: string): string[] {
  return subjects
    .filter((each) => each.namespace === namespace)
    .flatMap(({ serviceAccounts = ["*"] }) => serviceAccounts)
    .map((account) => [profileName, account, ...(notAfter === undefined ? [] : [notAfter])].join("/"));
}

function handlersOf({ spec }: HookProfile): readonly string[] {
  return spec.protects.runtimeHandlers ?? [];
}

/** In an order of their own, so that the same law is the same text. */
function lines(list: readonly string[]): string {
  return [...list].sort().join("\n");
}
