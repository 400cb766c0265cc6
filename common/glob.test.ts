import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { GLOB_SYNTAX, globParts, globToRe2, isGlob, matchGlob, parseGlob } from "./glob.ts";

// Go's own table, src/path/match_test.go, without the two patterns that are not ASCII.
const published: [pattern: string, text: string, result: boolean | "bad"][] = [
  ["abc", "abc", true],
  ["*", "abc", true],
  ["*c", "abc", true],
  ["a*", "a", true],
  ["a*", "abc", true],
  ["a*", "ab/c", false],
  ["a*/b", "abc/b", true],
  ["a*/b", "a/c/b", false],
  ["a*b*c*d*e*/f", "axbxcxdxe/f", true],
  ["a*b*c*d*e*/f", "axbxcxdxexxx/f", true],
  ["a*b*c*d*e*/f", "axbxcxdxe/xxx/f", false],
  ["a*b*c*d*e*/f", "axbxcxdxexxx/fff", false],
  ["a*b?c*x", "abxbbxdbxebxczzx", true],
  ["a*b?c*x", "abxbbxdbxebxczzy", false],
  ["ab[c]", "abc", true],
  ["ab[b-d]", "abc", true],
  ["ab[e-g]", "abc", false],
  ["ab[^c]", "abc", false],
  ["ab[^b-d]", "abc", false],
  ["ab[^e-g]", "abc", true],
  ["a\\*b", "a*b", true],
  ["a\\*b", "ab", false],
  ["a?b", "a☺b", true],
  ["a[^a]b", "a☺b", true],
  ["a???b", "a☺b", false],
  ["a[^a][^a][^a]b", "a☺b", false],
  ["a?b", "a/b", false],
  ["a*b", "a/b", false],
  ["[\\]a]", "]", true],
  ["[\\-]", "-", true],
  ["[x\\-]", "x", true],
  ["[x\\-]", "-", true],
  ["[x\\-]", "z", false],
  ["[\\-x]", "x", true],
  ["[\\-x]", "-", true],
  ["[\\-x]", "a", false],
  ["[]a]", "]", "bad"],
  ["[-]", "-", "bad"],
  ["[x-]", "x", "bad"],
  ["[-x]", "x", "bad"],
  ["\\", "a", "bad"],
  ["[a-b-c]", "a", "bad"],
  ["[", "a", "bad"],
  ["[^", "a", "bad"],
  ["[^bc", "a", "bad"],
  ["a[", "a", "bad"],
  ["a[", "ab", "bad"],
  ["a/b[", "x", "bad"],
  ["*x", "xxx", true],
];

// Small alphabets, so that patterns are often valid and texts often match.
const patterns = fc
  .array(fc.constantFrom("*", "?", "[", "]", "^", "-", "\\", "/", "a", "b", "c", "."), {
    minLength: 1,
    maxLength: 14,
  })
  .map((parts) => parts.join(""));
const texts = fc
  .array(fc.constantFrom("a", "b", "c", "/", "-", "]", "."), { maxLength: 10 })
  .map((parts) => parts.join(""));

describe("Go's path.Match", () => {
  test.each(published)("%j on %j is %j", (pattern, text, result) => {
    expect(isGlob(pattern) ? matchGlob(parseGlob(pattern), text) : "bad").toBe(result);
  });

  test("takes a chunk at the first place it fits, and does not come back", () => {
    expect(matchGlob(parseGlob("*[/a]*b"), "a/xb")).toBe(false);
    expect(matchGlob(parseGlob("*[/a]*b"), "axb")).toBe(true);
  });

  test.each(["", "ä*", "[a-ζ]", "a\nb"])("refuses %j: annotation keys are printable ASCII", (pattern) => {
    expect(() => parseGlob(pattern)).toThrow("is not a glob as Go's path.Match takes it");
  });

  test("takes no longer than the product of both lengths", () => {
    expect(matchGlob(parseGlob(`${"*a".repeat(150)}b`), "a".repeat(317))).toBe(false);
  });
});

describe("what the API server is given", () => {
  test("its own check of a pattern accepts exactly what we accept", () => {
    const syntax = new RegExp(GLOB_SYNTAX);
    fc.assert(
      fc.property(
        fc.oneof(patterns, fc.string({ maxLength: 12 })),
        (pattern) => syntax.test(pattern) === isGlob(pattern),
      ),
      { numRuns: 3000 },
    );
  });

  test("its filter lets through whatever we match", () => {
    fc.assert(
      fc.property(patterns.filter(isGlob), texts, (pattern, text) => {
        const glob = parseGlob(pattern);
        const filters = [Infinity, 5, 1].map((units) =>
          globToRe2(glob, units).replaceAll("\\x{10ffff}", "\\u{10ffff}"),
        );
        const { head, tail, isLiteral } = globParts(glob);
        const ends = text.startsWith(head) && text.endsWith(tail) && (!isLiteral || text === head);
        return !matchGlob(glob, text) || (ends && filters.every((each) => new RegExp(each, "u").test(text)));
      }),
      { numRuns: 3000 },
    );
  });

  test.each([
    ["*", { head: "", tail: "", isLiteral: false, isPrefix: false }],
    ["**", { head: "", tail: "", isLiteral: false, isPrefix: false }],
    ["*x", { head: "", tail: "x", isLiteral: false, isPrefix: false }],
    ["?", { head: "", tail: "", isLiteral: false, isPrefix: false }],
    ["a/b", { head: "a/b", tail: "a/b", isLiteral: true, isPrefix: false }],
    ["a/*", { head: "a/", tail: "", isLiteral: false, isPrefix: true }],
    ["a/**", { head: "a/", tail: "", isLiteral: false, isPrefix: true }],
  ])("the parts of %j", (pattern, parts) => {
    expect(globParts(parseGlob(pattern))).toEqual(parts);
  });

  test("and nothing else, where no class can match a slash", () => {
    fc.assert(
      fc.property(
        patterns.filter((each) => isGlob(each) && !each.includes("[")),
        texts,
        (pattern, text) => {
          const glob = parseGlob(pattern);
          return matchGlob(glob, text) === new RegExp(globToRe2(glob), "u").test(text);
        },
      ),
      { numRuns: 3000 },
    );
  });
});
