import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
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

describe("a host's files below a mount point", () => {
  test("are where the host's own symbolic links lead, and never this process's files", () => {
    mkdirSync(join(root, "real/containerd"), { recursive: true });
    symlinkSync("/real", join(root, "etc"));
    symlinkSync("../../real/containerd/a", join(root, "real/containerd/link"));
    const hostFs = nodeHostFs(root);
    hostFs.replace("/etc/containerd/a", "text");
    expect(readFileSync(join(root, "real/containerd/a"), "utf8")).toBe("text");
    expect(hostFs.read("/etc/containerd/link")).toBe("text");
    expect(hostFs.readlink("/etc/containerd/link")).toBe("../../real/containerd/a");
    hostFs.remove("/etc/containerd/link");
    expect(hostFs.list("/etc/containerd")).toEqual(["a"]);
    symlinkSync("/dir/../../../../dir", join(root, "dir/out"));
    expect(hostFs.list("/dir/out")).toEqual(["out"]);
  });

  test("are refused where links lead in a circle", () => {
    symlinkSync("/b", join(root, "a"));
    symlinkSync("/a", join(root, "b"));
    expect(() => nodeHostFs(root).read("/a/x")).toThrow("/a/x: its symbolic links lead in a circle");
  });
});
