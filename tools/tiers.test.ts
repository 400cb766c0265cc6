import { execFileSync } from "node:child_process";
import { globSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";

const root = join(import.meta.dirname, "..");

test("every test file belongs to a tier, so that none is never run", () => {
  const jest = join(root, "node_modules/jest/bin/jest.js");
  const listed = execFileSync(process.execPath, [jest, "--listTests"], { cwd: root, encoding: "utf8" });
  const exclude = (name: string): boolean => /(^|\/)(node_modules|dist)$/.test(name);
  const files = globSync("**/*.test.ts", { cwd: root, exclude }).map((file) => join(root, file));
  expect(files.length).toBeGreaterThan(100);
  expect(listed.trim().split("\n").sort()).toEqual(files.sort());
}, 60_000);
