import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Clock } from "../../common/clock.ts";
import { nodeHostFs } from "../host/host-fs.ts";
import type { Backend, Proof } from "../isolation/backend.ts";
import { beforeFile } from "../isolation/before.ts";
import { ledgerIn } from "../isolation/ledger.ts";
import type { Owner } from "../isolation/owner.ts";
import type { Isolation } from "../isolation/reconcile.ts";
import { type Bundle, parseBundle } from "./bundle.ts";
import { type Created, onHost } from "./created.ts";
import { type OnFailure, type Verdict, isolate } from "./isolate.ts";

const uid = "86901f91-4221-4d22-b134-b0071cd68c15";
const STATE = "/kubelet/cpu_manager_state";
const clock: Clock = { now: () => new Date(0), sleep: () => Promise.resolve() };

let root: string;
let isolation: Isolation;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "schedgate-unit-"));
  const hostFs = nodeHostFs(root);
  // A kernel that has isolated whatever is claimed.
  const prove = (): Proof => ({ source: "schedstat", missing: [] });
  const backend: Backend = {
    name: "CgroupV2",
    root: "/cg",
    cpusets: { version: "v2", root: "/cg" },
    survey: () => ({ steps: [], contents: new Map(), watch: [], prove }),
    assumeBefore: () => new Map(),
  };
  const ledger = ledgerIn(hostFs, "/run/ledger");
  const before = beforeFile(hostFs, "/run/before.json", "boot");
  isolation = { hostFs, clock, backend, ledger, before, lock: (work) => work() };
  file("proc/sys/kernel/random/boot_id", "boot\n");
  running(7, 100);
  record({ [uid]: { main: "1-2" } });
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

function file(path: string, text: string): void {
  mkdirSync(join(root, path, ".."), { recursive: true });
  writeFileSync(join(root, path), text);
}

function running(pid: number, start: number): void {
  file(`proc/${pid}/stat`, `${pid} (c) S 1 ${"0 ".repeat(17)}${start} 0 0\n`);
  file(`proc/${pid}/cgroup`, `0::/k/${pid}\n`);
  file(`cg/k/${pid}/cpuset.cpus`, "1-2\n");
  file(`cg/k/${pid}/cpuset.cpus.partition`, "member\n");
}

function record(entries: object): void {
  file(STATE, JSON.stringify({ policyName: "static", defaultCpuSet: "0", entries, checksum: 1 }));
}

function start(id: string, pid: number, onFailure: OnFailure = "deny"): Promise<Verdict> {
  const annotations = {
    "io.kubernetes.cri.container-type": "container",
    "io.kubernetes.cri.container-name": "main",
  };
  const linux = { cgroupsPath: `/kubepods/pod${uid}/${id}`, resources: { cpu: { shares: 2048 } } };
  const bundle = parseBundle(JSON.stringify({ annotations, linux }));
  return isolate(isolation, created(id, pid, bundle), onFailure);
}

function created(id: string, pid: number, bundle: Bundle, refusal?: string): Created {
  const files = { kubeletState: STATE, staticPods: "/none" };
  const known = { ...onHost(isolation.hostFs, files, pid), id, bundle };
  return refusal === undefined ? known : { ...known, refusal };
}

describe("a container that starts", () => {
  test("has its CPUs isolated, once they are proven", async () => {
    expect(await start("a", 7)).toEqual({ cpus: [1, 2] });
    expect(isolation.ledger.find("a")).toMatchObject({ cpus: "1-2", podUID: uid });
  });

  test("is refused, and owns nothing, where a newer one holds its CPUs", async () => {
    running(8, 200);
    await start("newer", 8);
    await expect(start("a", 7)).rejects.toThrow("newer container's");
    expect(isolation.ledger.read().owners.map(({ id }) => id)).toEqual(["newer"]);
  });

  test("is not refused, and the ledger says why, where its CPUs are shared", async () => {
    record({});
    expect(await start("a", 7)).toEqual({ reason: expect.stringContaining("no CPUs of its own") });
    expect(isolation.ledger.find("a")).toMatchObject({ cpus: "", reason: expect.any(String) });
  });

  test("is not isolated, and the ledger says why, where it has no right", async () => {
    const linux = { cgroupsPath: `/kubepods/pod${uid}/a`, resources: { cpu: { shares: 2048 } } };
    const bundle = parseBundle(JSON.stringify({ linux }));
    const refusal = "it has no grant";
    expect(await isolate(isolation, created("a", 7, bundle, refusal), "deny")).toEqual({ reason: refusal });
    expect(isolation.ledger.find("a")).toMatchObject({ cpus: "", refusal });
  });

  test("keeps what was found out about its right, and not what was about another process", async () => {
    await start("a", 7);
    const owner = isolation.ledger.find("a");
    isolation.ledger.put({ ...(owner as Owner), right: "HookGrant x" });
    await start("a", 7);
    expect(isolation.ledger.find("a")).toMatchObject({ cpus: "1-2", right: "HookGrant x" });
    isolation.ledger.put({ ...(owner as Owner), cpus: "", refusal: "no grant is there" });
    expect(await start("a", 7)).toEqual({ reason: "no grant is there" });
    expect(isolation.ledger.find("a")).toMatchObject({ cpus: "", refusal: "no grant is there" });
    running(8, 200);
    await start("a", 8);
    expect(isolation.ledger.find("a")).toMatchObject({ cpus: "1-2", pid: 8 });
    expect(isolation.ledger.find("a")).not.toHaveProperty("refusal");
  });

  test("is refused where it cannot be told whether its CPUs are shared", async () => {
    rmSync(join(root, STATE));
    await expect(start("a", 7)).rejects.toThrow("SCHEDGATE_KUBELET_STATE");
    expect(isolation.ledger.find("a")).toBeUndefined();
    record({ [uid]: { main: "1" } });
    await expect(start("a", 7)).rejects.toThrow("pinned CPUs 1, the kernel has 1-2");
    await expect(start("a", 7, "allow")).rejects.toThrow("pinned CPUs 1");
    expect(isolation.ledger.find("a")).toMatchObject({ cpus: "", failure: expect.any(String) });
  });
});
