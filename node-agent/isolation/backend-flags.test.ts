import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { systemClock } from "../../common/clock.ts";
import { nodeHostFs } from "../host/host-fs.ts";
import { beforeFile } from "./before.ts";
import { detectBackend } from "./detect.ts";
import { ledgerIn } from "./ledger.ts";
import type { Owner } from "./owner.ts";
import { type Isolation, type Outcome, reconcile } from "./reconcile.ts";

// A tree as a kernel 5.4 with cgroup v2 and SMT has it, with the flags of its SMT and its package domains. No package has one.
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "schedgate-flags-"));
  file("cg/cgroup.controllers", "cpuset cpu\n");
  file("proc/sys/kernel/osrelease", "5.4.0-150-generic\n");
  file("proc/sys/kernel/random/boot_id", "boot\n");
  rebuildDomains();
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

function file(path: string, text: string): void {
  mkdirSync(join(root, path, ".."), { recursive: true });
  writeFileSync(join(root, path), text);
}

function rebuildDomains(): void {
  for (const cpu of [0, 1, 2, 3]) {
    file(`proc/sys/kernel/sched_domain/cpu${cpu}/domain0/flags`, "4783\n");
    file(`proc/sys/kernel/sched_domain/cpu${cpu}/domain1/flags`, "559\n");
  }
}

/** Both flags of each CPU. */
function flags(): string[] {
  return [0, 1, 2, 3].map((cpu) =>
    [0, 1]
      .map((domain) =>
        readFileSync(
          join(root, `proc/sys/kernel/sched_domain/cpu${cpu}/domain${domain}/flags`),
          "utf8",
        ).trim(),
      )
      .join(" "),
  );
}

const isolation = (): Isolation => {
  const hostFs = nodeHostFs(root);
  return {
    hostFs,
    clock: systemClock,
    lock: (work) => work(),
    ledger: ledgerIn(hostFs, "/run/ledger"),
    before: beforeFile(hostFs, "/run/before.json", "boot"),
    backend: detectBackend(hostFs, "/cg"),
  };
};

function live(id: string, pid: number, cpus: string): void {
  file(`proc/${pid}/stat`, `${pid} (sleep) S ${"0 ".repeat(16)}1 0 ${pid}00 0\n`);
  const text = { namespace: "ns", pod: id, podUID: id, container: "c", since: "2026-01-01T00:00:00.000Z" };
  const owner: Owner = {
    version: 1,
    id,
    ...text,
    cpus,
    cgroup: `k/${id}`,
    pid,
    pidStartTime: `${pid}00`,
    bootId: "boot",
  };
  isolation().ledger.put(owner);
}

function die(pid: number): void {
  rmSync(join(root, `proc/${pid}`), { recursive: true });
}

const mend = (): Promise<Outcome> => reconcile(isolation(), 3);
const balanced = "4783 559";
const cleared = "4782 558";

describe("on a kernel up to 5.7 without another way", () => {
  test("bit 0 is cleared in every domain of an owned CPU, and set back when its owner is gone", async () => {
    live("one", 7, "1-2");
    live("two", 8, "3");
    expect(await mend()).toMatchObject({
      problems: [],
      proof: { source: "sched_domain flags", missing: [] },
    });
    expect(flags()).toEqual([balanced, cleared, cleared, cleared]);
    die(7);
    await mend();
    expect(flags()).toEqual([balanced, balanced, balanced, cleared]);
    die(8);
    await mend();
    expect(flags()).toEqual([balanced, balanced, balanced, balanced]);
    expect(nodeHostFs(root).exists("/run/before.json")).toBe(false);
  });

  test("domains that the kernel built anew are cleared again", async () => {
    live("one", 7, "1");
    await mend();
    rebuildDomains();
    expect((await mend()).changed).toBe(true);
    expect(flags()).toEqual([balanced, cleared, balanced, balanced]);
  });

  test("a bit that an admin had cleared stays cleared", async () => {
    file("proc/sys/kernel/sched_domain/cpu1/domain1/flags", "558\n");
    live("one", 7, "1");
    await mend();
    die(7);
    await mend();
    expect(flags()).toEqual([balanced, "4783 558", balanced, balanced]);
  });

  test("without a record of what was, the kernel's own default is given back", async () => {
    live("one", 7, "1");
    await mend();
    file("run/before.json", "torn");
    die(7);
    await mend();
    expect(flags()).toEqual([balanced, balanced, balanced, balanced]);
  });
});

describe("the flags are chosen", () => {
  test.each([
    ["5.7.19\n", "cg/none", "SchedDomainFlags"],
    ["5.4.0\n", "cg/cpuset/cpuset.cpus", "CgroupV1"],
  ])("on %j with %s: %s", (release, path, name) => {
    file("proc/sys/kernel/osrelease", release);
    file(path, "0-3\n");
    expect(detectBackend(nodeHostFs(root), "/cg").name).toBe(name);
  });

  test.each(["5.8.0\n", "5.10.0-32-cloud-amd64\n", "6.1.0\n"])(
    "never on %j, where they are read-only or gone",
    (release) => {
      file("proc/sys/kernel/osrelease", release);
      expect(() => detectBackend(nodeHostFs(root), "/cg")).toThrow("before kernel 6.7");
    },
  );
});
