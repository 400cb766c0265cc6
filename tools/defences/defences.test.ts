import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { allDefences } from "./all.ts";
import { editsOf } from "./defence.ts";
import { numberedRows } from "../named-tests.ts";
import { takenAway } from "./run.ts";

const root = join(import.meta.dirname, "../..");

function textOf(file: string): string {
  return readFileSync(join(root, file), "utf8");
}

describe.each(allDefences)("the defence $what", (defence) => {
  test("stands in its file exactly once, and is not what stands in its place", () => {
    for (const edit of editsOf(defence))
      expect(takenAway(textOf(edit.file), edit)).not.toBe(textOf(edit.file));
  });

  test("names a test that there is", () => {
    expect(textOf(defence.test.file)).toContain(defence.test.name);
  });
});

test("a defence that stands in its file never, or twice, is refused", () => {
  const edit = { file: "a.ts", text: "x", without: "" };
  for (const whole of ["", "x x"]) expect(() => takenAway(whole, edit)).toThrow("exactly once");
});

test("every defence has a name of its own", () => {
  expect(new Set(allDefences.map((each) => each.what)).size).toBe(allDefences.length);
});

test("each way in of the threat model has one, or is the API server's own to close, or out of scope", () => {
  const named = allDefences.flatMap(
    ({ what }) => /^vectors? ([0-9 and]+):/.exec(what)?.[1]?.split(" and ") ?? [],
  );
  const others = numberedRows("docs/threat-model.md").filter(([number = ""]) => !named.includes(number));
  for (const [number, , defence] of others)
    expect({ number, defence }).toEqual({
      number,
      defence: expect.stringMatching(/^out of scope|^the API server/),
    });
});
