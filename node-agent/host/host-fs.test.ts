import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { nodeHostFs } from "./host-fs.ts";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "schedgate-unit-"));
  mkdirSync(join(root, "dir"));
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

describe("a file that is replaced", () => {
  test("keeps its mode, and leaves nothing beside it", () => {
    writeFileSync(join(root, "dir/a"), "old", { mode: 0o600 });
    nodeHostFs(root).replace("/dir/a", "new");
    expect(readFileSync(join(root, "dir/a"), "utf8")).toBe("new");
    expect(statSync(join(root, "dir/a")).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(root, "dir"))).toEqual(["a"]);
  });

  test("leaves no temporary where it cannot be", () => {
    mkdirSync(join(root, "dir/a"));
    expect(() => {
      nodeHostFs(root).replace("/dir/a", "new");
    }).toThrow();
    expect(readdirSync(join(root, "dir"))).toEqual(["a"]);
  });

  test("is written where it is told first, over what a killed one left", () => {
    mkdirSync(join(root, "elsewhere"));
    writeFileSync(join(root, "elsewhere/tmp"), "left", { mode: 0o600 });
    nodeHostFs(root).replace("/dir/a", "new", 0o644, "/elsewhere/tmp");
    expect(statSync(join(root, "dir/a")).mode & 0o777).toBe(0o644);
    expect(readdirSync(join(root, "elsewhere"))).toEqual([]);
  });
});
