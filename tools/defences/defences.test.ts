import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import type { Defence } from "./defence.ts";
import { policyDefences } from "./policy.ts";
import { takenAway } from "./run.ts";
import { vectorDefences } from "./vectors.ts";

const root = join(import.meta.dirname, "../..");
const all: readonly Defence[] = [...policyDefences, ...vectorDefences];

function textOf(file: string): string {
  return readFileSync(join(root, file), "utf8");
}

describe.each(all)("the defence $what", (defence) => {
  test("stands in its file exactly once, and is not what stands in its place", () => {
    expect(takenAway(textOf(defence.file), defence)).not.toBe(textOf(defence.file));
  });

  test("names a test that there is", () => {
    expect(textOf(defence.test.file)).toContain(defence.test.name);
  });
});

test("a defence that stands in its file never, or twice, is refused", () => {
  const defence = { what: "", file: "a.ts", text: "x", without: "", test: { file: "", name: "" } };
  for (const whole of ["", "x x"]) expect(() => takenAway(whole, defence)).toThrow("exactly once");
});

test("every defence has a name of its own", () => {
  expect(new Set(all.map((each) => each.what)).size).toBe(all.length);
});
