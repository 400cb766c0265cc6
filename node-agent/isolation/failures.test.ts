import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { nodeHostFs } from "../host/host-fs.ts";
import { failuresIn, forgetFailure, noteFailure } from "./failures.ts";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "schedgate-unit-"));
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

describe("a container that was started although nothing could be done for it", () => {
  test("is a problem for a person, until it is deleted", () => {
    const hostFs = nodeHostFs(root);
    expect(failuresIn(hostFs, "/run")).toEqual([]);
    noteFailure(hostFs, "/run", "abc", "no way");
    expect(failuresIn(hostFs, "/run")).toEqual([
      "container abc was started without isolation: no way; remove /run/failures/abc once it was looked at",
    ]);
    forgetFailure(hostFs, "/run", "abc");
    forgetFailure(hostFs, "/run", "abc");
    expect(failuresIn(hostFs, "/run")).toEqual([]);
  });

  test("is named in bounds, whatever it calls itself", () => {
    const hostFs = nodeHostFs(root);
    noteFailure(hostFs, "/run", "../../etc/passwd", "x".repeat(10_000));
    expect(hostFs.list("/run/failures")).toEqual(["unknown"]);
    expect(hostFs.read("/run/failures/unknown").length).toBeLessThan(1000);
    for (let i = 0; i < 30; i += 1) noteFailure(hostFs, "/run", `c${i}`, "no");
    expect(failuresIn(hostFs, "/run")).toHaveLength(21);
    expect(failuresIn(hostFs, "/run").at(-1)).toBe("11 more in /run/failures");
  });
});
