import { SchedgateError } from "./errors.ts";

/** One character of a glob outside its stars: a literal, `?`, or a class with its ranges. */
type Unit =
  | { kind: "literal"; char: string }
  | { kind: "any" }
  | { kind: "class"; negated: boolean; ranges: readonly (readonly [string, string])[] };

/** Units that must match one after the other, after a `*` where `star`. */
interface Chunk {
  star: boolean;
  units: readonly Unit[];
}

/** A glob as `parseGlob` read it. */
export type Glob = readonly Chunk[];

// One character of a class, and the same where it is first: `^` there means "none of".
const CHAR = String.raw`(?:[ -,.-\[^-~]|\\[ -~])`;
const FIRST = String.raw`(?:[ -,.-\[_-~]|\\[ -~])`;
const CLASS = String.raw`\[(?:\^${CHAR}|${FIRST})(?:-${CHAR})?(?:${CHAR}(?:-${CHAR})?)*\]`;

/**
 * Which texts are globs, as an RE2 expression for the CRD's own check: the syntax of Go's path.Match
 * (https://pkg.go.dev/path#Match) in printable ASCII. Annotation keys are ASCII, so nothing else could ever match.
 */
export const GLOB_SYNTAX = `^(?:[ -Z\\]-~]|\\\\[ -~]|${CLASS})+$`;

/** Whether `parseGlob` accepts this text. */
export function isGlob(text: string): boolean {
  return tryParse(text) !== undefined;
}

/**
 * Reads a glob once, for many matches.
 * @throws SchedgateError E_GLOB where Go's path.Match would answer ErrBadPattern, or the text is not printable ASCII.
 */
export function parseGlob(text: string): Glob {
  const glob = tryParse(text);
  if (glob === undefined) {
    throw new SchedgateError("E_GLOB", `"${text.slice(0, 317)}" is not a glob as Go's path.Match takes it`);
  }
  return glob;
}

function tryParse(text: string): Glob | undefined {
  if (!/^[ -~]+$/.test(text)) return undefined;
  const chunks: { star: boolean; units: Unit[] }[] = [];
  let current: { star: boolean; units: Unit[] } | undefined;
  for (let at = 0; at < text.length;) {
    if (text[at] === "*") {
      if (current === undefined || !current.star || current.units.length > 0) {
        current = { star: true, units: [] };
        chunks.push(current);
      }
      at += 1;
      continue;
    }
    const read = readUnit(text, at);
    if (read === undefined) return undefined;
    if (current === undefined) chunks.push((current = { star: false, units: [] }));
    current.units.push(read.unit);
    at = read.next;
  }
  return chunks;
}

function readUnit(text: string, at: number): { unit: Unit; next: number } | undefined {
  const char = text.charAt(at);
  if (char === "?") return { unit: { kind: "any" }, next: at + 1 };
  if (char === "[") return readClass(text, at + 1);
  if (char !== "\\") return { unit: { kind: "literal", char }, next: at + 1 };
  const escaped = text.charAt(at + 1);
  return escaped === "" ? undefined : { unit: { kind: "literal", char: escaped }, next: at + 2 };
}

function readClass(text: string, start: number): { unit: Unit; next: number } | undefined {
  const negated = text[start] === "^";
  const ranges: [string, string][] = [];
  let at = negated ? start + 1 : start;
  while (ranges.length === 0 || text[at] !== "]") {
    const low = readClassChar(text, at);
    if (low === undefined) return undefined;
    const high = text[low.next] === "-" ? readClassChar(text, low.next + 1) : low;
    if (high === undefined) return undefined;
    ranges.push([low.char, high.char]);
    at = high.next;
  }
  return { unit: { kind: "class", negated, ranges }, next: at + 1 };
}

function readClassChar(text: string, at: number): { char: string; next: number } | undefined {
  const escaped = text[at] === "\\";
  const char = text.charAt(escaped ? at + 1 : at);
  if (char === "" || (!escaped && (char === "-" || char === "]"))) return undefined;
  return { char, next: escaped ? at + 2 : at + 1 };
}

/**
 * Whether a glob matches the whole of `text`, as Go's path.Match does: each chunk is taken at the first place it fits
 * and never moved again, so the time is at most the product of both lengths.
 */
export function matchGlob(glob: Glob, text: string): boolean {
  const chars = Array.from(text);
  let at = 0;
  for (const [index, chunk] of glob.entries()) {
    const last = index === glob.length - 1;
    if (chunk.star && chunk.units.length === 0) return !chars.includes("/", at);
    const end = place(chunk, chars, at, last);
    if (end === undefined) return false;
    at = end;
  }
  return at === chars.length;
}

/** Where the text goes on after the first place this chunk fits; the last chunk must reach the end. */
function place(chunk: Chunk, chars: readonly string[], from: number, last: boolean): number | undefined {
  for (let start = from; ; start += 1) {
    const end = start + chunk.units.length;
    if (end > chars.length) return undefined;
    if ((!last || end === chars.length) && chunk.units.every((unit, i) => fits(unit, chars[start + i] ?? "")))
      return end;
    if (!chunk.star || chars[start] === "/") return undefined;
  }
}

function fits(unit: Unit, char: string): boolean {
  switch (unit.kind) {
    case "literal":
      return unit.char === char;
    case "any":
      return char !== "/";
    case "class":
      return unit.ranges.some(([low, high]) => low <= char && char <= high) !== unit.negated;
  }
}

/** The literal ends of a glob, for tests that are cheaper than a match. */
export interface GlobParts {
  /** What every text that matches begins with. */
  head: string;
  /** What every text that matches ends with. */
  tail: string;
  /** Whether `head` is the only text that matches. */
  isLiteral: boolean;
  /** Whether `head` ends in a slash and only a star follows: all that begin so and have no other slash match. */
  isPrefix: boolean;
}

/** Takes a glob apart for a filter that need not be exact. */
export function globParts(glob: Glob): GlobParts {
  const start = glob[0]?.star === false ? glob[0].units : undefined;
  const first = literalRun(start ?? []);
  // A first chunk with a star is never all literal, not even where it has no units: `*` matches much, "" nothing.
  const wholeFirst = start !== undefined && first.length === start.length;
  const last = glob.at(-1)?.units ?? [];
  const head = first.join("");
  return {
    head,
    tail: literalRun(last.toReversed()).toReversed().join(""),
    isLiteral: glob.length === 1 && wholeFirst,
    isPrefix: glob.length === 2 && wholeFirst && last.length === 0 && head.endsWith("/"),
  };
}

/** The literals that units begin with. */
function literalRun(units: readonly Unit[]): string[] {
  const end = units.findIndex((unit) => unit.kind !== "literal");
  return units
    .slice(0, end === -1 ? undefined : end)
    .flatMap((unit) => (unit.kind === "literal" ? [unit.char] : []));
}

/**
 * An RE2 expression for the API server's own filter. It matches whatever `matchGlob` matches; where a class matches
 * `/` it may match more (Go does not try a second place for a chunk), and then the webhook decides. With `units` only
 * so many of the glob's first characters are looked at: shorter, and it matches more.
 */
export function globToRe2(glob: Glob, units = Infinity): string {
  const parts = glob.flatMap((chunk) => [...(chunk.star ? ["[^/]*"] : []), ...chunk.units.map(unitToRe2)]);
  return parts.length > units ? `^${parts.slice(0, units).join("")}` : `^${parts.join("")}$`;
}

function unitToRe2(unit: Unit): string {
  if (unit.kind === "any") return "[^/]";
  if (unit.kind === "literal") return literal(unit.char);
  const ranges = unit.ranges
    .filter(([low, high]) => low <= high)
    .map(([low, high]) => `${hex(low)}-${hex(high)}`);
  // A class of empty ranges such as [z-a] is allowed and holds nothing; RE2 has no such class, so say it otherwise.
  if (ranges.length === 0) return unit.negated ? "[\\x00-\\x{10ffff}]" : "[^\\x00-\\x{10ffff}]";
  return `[${unit.negated ? "^" : ""}${ranges.join("")}]`;
}

function literal(char: string): string {
  return /[a-z0-9/_-]/i.test(char) ? char : hex(char);
}

function hex(char: string): string {
  return `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`;
}
