import type { HookProfile } from "../../common/api/hookprofile.ts";
import { containerFormPrefix } from "../../common/api/names.ts";
import { globParts, globToRe2, parseGlob } from "../../common/glob.ts";
import type { Glob } from "../../common/glob.ts";

/** The API server compiles no expression of more than 100,000 characters; about so many of them are for the keys. */
const MAX_LENGTH = 60_000;

/**
 * Expressions for keys of any beginning run on every annotation, and each character of their patterns, about half of them,
 * costs: the API server refuses a pod for which an expression costs 1,000,000 (apiserver, PerCallLimit). With all 256 KiB of
 * its annotations in keys a character costs 6,554 (a tenth of each byte, a quarter of each character).
 */
const MAX_HEADLESS = 250;

/** How many characters of each glob are looked at: all, or, where that gets too long, fewer; in the end every key counts. */
const PRECISIONS = [Infinity, 64, 24, 8, 2];

/** CEL over the annotation key `k`, as exact as its length allows. */
export function keyExpression(profiles: readonly HookProfile[]): string {
  const globs = new Set(profiles.flatMap(({ spec }) => spec.protects.annotations ?? []));
  const requests = new Set(profiles.flatMap(({ spec }) => spec.request?.annotation ?? []));
  for (const precision of PRECISIONS) {
    const expression = keyTerms(globs, requests, precision);
    if (expression !== undefined) return expression;
  }
  return "true";
}

/** Undefined where it would be too long or cost too much; it stops as soon as it does. */
function keyTerms(
  globs: Iterable<string>,
  requests: Iterable<string>,
  precision: number,
): string | undefined {
  const literals = new Set<string>();
  const others = new Set<string>();
  let length = 0;
  let headless = 0;
  const add = (terms: Set<string>, term: string, isHeadless = false): void => {
    if (terms.has(term)) return;
    length += term.length + 4; // " || "
    if (isHeadless) headless += term.length;
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
    else if (isPrefix) add(others, startsWith(head.slice(0, precision)));
    else add(others, globExpression(glob, precision), head === "");
    if (length > MAX_LENGTH || headless > MAX_HEADLESS) return undefined;
  }
  const list = [...literals].sort();
  const terms = [...(list.length > 0 ? [`k in [${list.join(", ")}]`] : []), ...[...others].sort()];
  return terms.length > 0 ? terms.join(" || ") : "false";
}

/** CEL: the key `k` begins so. */
export function startsWith(text: string): string {
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

/** `value` is one of these texts; where that gets too long, it may be anything. */
export function isOneOf(value: string, texts: readonly string[]): string {
  const list = [...new Set(texts)].sort().map(quoted).join(", ");
  return list.length > MAX_LENGTH ? "true" : `${value} in [${list}]`;
}

/** A CEL string; everything here is printable ASCII, for which JSON's escapes are CEL's. */
export function quoted(text: string): string {
  return JSON.stringify(text);
}
