import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { nodeHostFs } from "../host/host-fs.ts";
import { temporaryTree } from "../host/testing.ts";
import { lostFinder } from "./lost.ts";

const tree = temporaryTree();
const { file } = tree;
beforeEach(tree.make);
afterEach(tree.remove);

/** A container as launcher and runtime leave it: note, bundle, pid file, process. */
function noted(
  id: string,
  pid: number,
  annotations: object = { "schedgate.dev/cpu-isolation": "enabled" },
): void {
  file(`run/asks/${id}/ask`, `/bundles/${id}\n/bundles/${id}/init.pid\n\n`);
  file(`bundles/${id}/config.json`, JSON.stringify({ annotations }));
  file(`bundles/${id}/init.pid`, String(pid));
  file(`proc/${pid}/cgroup`, `0::/kubepods/pod1/${id}\n`);
}

let now = 0;
beforeEach(() => {
  now = 0;
});

function finder(): () => string[] {
  return lostFinder(nodeHostFs(tree.root), nodeHostFs(tree.root), "/run", { now: () => new Date(now) });
}

describe("a container is lost", () => {
  test("where it lives and asks, and its entry was deleted", () => {
    noted("abc", 7);
    file("run/ledger/abc.json", "{}");
    const find = finder();
    expect(find()).toEqual([]);
    rmSync(join(tree.root, "run/ledger"), { recursive: true });
    expect(find()).toEqual(["abc"]);
  });

  test("where it is found without an entry, unless it may be starting", () => {
    noted("before", 7);
    const find = finder();
    expect(find()).toEqual(["before"]);
    noted("starting", 8);
    expect(find()).toEqual(["before"]);
    now += 5000;
    expect(find()).toEqual(["before", "starting"]);
  });

  test("where a process that sees no bundles has the launcher's copy and its process", () => {
    noted("abc", 7);
    rmSync(join(tree.root, "bundles"), { recursive: true });
    const find = finder();
    expect(find()).toEqual([]);
    file("run/asks/abc/config.json", '{"annotations":{"schedgate.dev/cpu-isolation":"enabled"}}');
    file("run/asks/abc/process", "7\n0::/kubepods/pod1/abc\n");
    expect(find()).toEqual(["abc"]);
  });

  test("where its entry was set aside, whatever is known of it", () => {
    file("run/ledger/abc.json.unusable", "");
    expect(finder()()).toEqual(["abc"]);
  });
});

describe("a container is not lost", () => {
  test("where it does not ask, which is read once", () => {
    noted("sandbox", 7, {
      "io.kubernetes.cri.container-type": "sandbox",
      "schedgate.dev/cpu-isolation": "enabled",
    });
    const find = finder();
    expect(find()).toEqual([]);
    noted("sandbox", 7);
    expect(find()).toEqual([]);
  });

  test("where its process is gone, or another has its pid by now", () => {
    noted("gone", 7);
    noted("reused", 8);
    rmSync(join(tree.root, "proc/7"), { recursive: true });
    file("proc/8/cgroup", "0::/system.slice/other.service\n");
    expect(finder()()).toEqual([]);
  });

  test("where it was started although isolation failed: that is told already", () => {
    noted("allowed", 7);
    file("run/failures/allowed", "no room\n");
    expect(finder()()).toEqual([]);
  });

  test.each([
    ["its note is being written", "run/asks/abc/ask"],
    ["its create is under way", "bundles/abc/init.pid"],
  ])("while %s", (_, path) => {
    noted("abc", 7);
    file(path, "");
    expect(finder()()).toEqual([]);
  });
});
