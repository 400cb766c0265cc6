import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { nodeHostFs } from "../host/host-fs.ts";
import type { Backend, Claim, Proof } from "./backend.ts";
import { beforeFile } from "./before.ts";
import { noteVerdict } from "./judge.ts";
import { ledgerIn } from "./ledger.ts";
import type { Owner } from "./owner.ts";
import type { Isolation } from "./reconcile.ts";

const owner: Owner = {
  ...{ version: 1, id: "a", namespace: "trading", pod: "p", podUID: "u", container: "main" },
  ...{ cpus: "1-2", cgroup: "k/a", pid: process.pid, pidStartTime: "1", bootId: "b", since: "" },
};

let root: string;
let isolation: Isolation;
let surveyed: (readonly Claim[])[];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "schedgate-unit-"));
  surveyed = [];
  const hostFs = nodeHostFs(root);
  hostFs.mkdirs("/proc/sys/kernel/random");
  hostFs.replace("/proc/sys/kernel/random/boot_id", "b\n");
  hostFs.mkdirs(`/proc/${process.pid}`);
  hostFs.replace(`/proc/${process.pid}/stat`, `${process.pid} (c) S 1 ${"0 ".repeat(17)}1 0 0\n`);
  const prove = (): Proof => ({ source: "schedstat", missing: [] });
  const backend: Backend = {
    name: "CgroupV2",
    root: "/cg",
    cpusets: { version: "v2", root: "/cg" },
    survey: (claims) => {
      surveyed.push(claims);
      return { steps: [], contents: new Map(), watch: [], prove };
    },
    assumeBefore: () => new Map(),
  };
  const ledger = ledgerIn(hostFs, "/run/ledger");
  const before = beforeFile(hostFs, "/run/before.json", "b");
  const clock = { now: () => new Date(0), sleep: () => Promise.resolve() };
  isolation = { hostFs, clock, backend, ledger, before, lock: (work) => work() };
  ledger.put(owner);
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

test("a right is noted, and changes nothing else", async () => {
  await noteVerdict(isolation, "a", { right: "HookGrant a" });
  expect(isolation.ledger.find("a")).toEqual({ ...owner, right: "HookGrant a" });
});

test("a refusal takes the isolation back at once", async () => {
  await noteVerdict(isolation, "a", { refusal: "no grant" });
  expect(isolation.ledger.find("a")).toEqual({ ...owner, cpus: "", refusal: "no grant" });
  expect(surveyed).toEqual([[]]);
});

test("a container that ended meanwhile does not come back into the ledger", async () => {
  isolation.ledger.remove("a");
  await noteVerdict(isolation, "a", { refusal: "no grant" });
  expect(isolation.ledger.read().owners).toEqual([]);
});
