import { expect, test } from "@jest/globals";
import { missingTest, namedTests, numberedRows } from "./named-tests.ts";

const rows = numberedRows("docs/threat-model.md").map(
  ([number = "", what = "", defence = "", tests = ""]) => ({
    number,
    what,
    defence,
    tests,
  }),
);

test("the threat model lists all 40 ways in, each once", () => {
  expect(rows.map((each) => Number(each.number))).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
});

test.each(rows)(
  "way in $number, $what, names tests that exist, or why there is none",
  ({ defence, tests }) => {
    const named = namedTests(tests, "test/apiserver/vectors/");
    if (named.length === 0) expect(defence).toMatch(/^out of scope/);
    expect(named.flatMap((one) => missingTest(one) ?? [])).toEqual([]);
  },
);
