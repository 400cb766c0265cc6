import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";

const root = join(import.meta.dirname, "..");
const rows = readFileSync(join(root, "docs/threat-model.md"), "utf8")
  .split("\n")
  .filter((line) => /^\| \d+ \|/.test(line))
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .map(([, number = "", what = "", defence = "", tests = ""]) => ({ number, what, defence, tests }));

test("the threat model lists all 40 ways in, each once", () => {
  expect(rows.map((each) => Number(each.number))).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
});

test.each(rows)(
  "way in $number, $what, names tests that exist, or why there is none",
  ({ defence, tests }) => {
    const named = [...tests.matchAll(/`([^`]+)`: "([^"]+)"/g)];
    if (named.length === 0) expect(defence).toMatch(/^out of scope/);
    for (const [, file = "", name = ""] of named) {
      const path = join(root, file.includes("/") ? file : `test/apiserver/vectors/${file}`);
      expect({ file, exists: existsSync(path) }).toEqual({ file, exists: true });
      expect(readFileSync(path, "utf8")).toContain(`"${name}"`);
    }
  },
);
