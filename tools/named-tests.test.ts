import { expect, test } from "@jest/globals";
import { testsIn } from "./named-tests.ts";

const source = `
import { testOn } from "./prerequisite.ts";
const testWith = testOn(undefined);
// test("in a comment", () => {});
const text = 'test("in a text", …)';
describe("a group", () => {
  test("plain", () => { log("said"); });
  test.each<[string]>([["a row"]])("each: %s", async (_) => undefined);
  testWith("where it can be had", () => {});
  (isV1 ? test : test.skip)("on some machines", () => {});
  test.skip("skipped", () => {});
  test.todo("to be done");
  const scenarios = [{ name: "on a kernel", play: async () => {} }, { name: "no scenario" }];
});
`;

test("a text is a test's name only where a test that runs is named so", () => {
  expect(testsIn(source)).toEqual([
    "plain",
    "each: %s",
    "where it can be had",
    "on some machines",
    "on a kernel",
  ]);
});
