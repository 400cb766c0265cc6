import { expect, test } from "@jest/globals";
import { missingTest, namedTests, numberedRows } from "./named-tests.ts";

const rows = numberedRows("docs/known-bugs.md").map(
  ([number = "", bug = "", effect = "", why = "", tests = ""]) => ({ number, bug, effect, why, tests }),
);

test("the known bugs are numbered, each once", () => {
  expect(rows.length).toBeGreaterThan(40);
  expect(rows.map((each) => Number(each.number))).toEqual(rows.map((_, index) => index + 1));
});

test.each(rows)("known bug $number names tests that exist, or why there is none", (row) => {
  expect(row.bug).toMatch(/\[[^\]]+\]\(https:\/\/[^)]+\)|^seen/);
  const named = namedTests(row.tests);
  if (named.length === 0) expect(row.tests).toMatch(/^(none|open): \S/);
  expect(named.flatMap((one) => missingTest(one) ?? [])).toEqual([]);
});
