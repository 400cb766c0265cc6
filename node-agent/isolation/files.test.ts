import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { nodeHostFs } from "../host/host-fs.ts";
import { temporaryTree } from "../host/testing.ts";
import { beforeFile } from "./before.ts";
import { cgroupPath, leafOf } from "./cgroup.ts";
import { detectBackend } from "./detect.ts";
import { ledgerIn } from "./ledger.ts";
import { isAlive, parseStat } from "./liveness.ts";
import type { Owner } from "./owner.ts";
import { cpusWithDomain } from "./schedstat.ts";

const tree = temporaryTree();
const { file } = tree;
beforeEach(tree.make);
afterEach(tree.remove);

const owner: Owner = {
  version: 1,
  id: "abc",
  namespace: "ns",
  pod: "p",
  podUID: "u",
  container: "c",
  cpus: "1-2",
  cgroup: "kubepods/pod/abc",
  pid: 7,
  pidStartTime: "100",
  bootId: "boot",
  since: "2026-01-01T00:00:00.000Z",
};

describe("the ledger", () => {
  test("gives back what was put, and forgets what was removed", () => {
    const ledger = ledgerIn(nodeHostFs(tree.root), "/run/ledger");
    expect(ledger.read()).toEqual({ owners: [], problems: [], unusable: [] });
    ledger.put(owner);
    ledger.put({ ...owner, id: "def", reason: "shared" });
    expect(ledger.read().owners.map(({ id }) => id)).toEqual(["abc", "def"]);
    expect(ledger.find("abc")).toEqual(owner);
    ledger.remove("abc");
    ledger.remove("abc");
    expect(ledger.find("abc")).toBeUndefined();
  });

  test("reads an entry once, and again when another process replaced it", () => {
    const hostFs = nodeHostFs(tree.root);
    const reads: string[] = [];
    const read = (path: string): string => {
      reads.push(path);
      return hostFs.read(path);
    };
    const ledger = ledgerIn({ ...hostFs, read }, "/run/ledger");
    const other = ledgerIn(hostFs, "/run/ledger");
    other.put(owner);
    other.put({ ...owner, id: "def" });
    expect([ledger.read(), ledger.read()].map(({ owners }) => owners.length)).toEqual([2, 2]);
    expect(reads).toEqual(["/run/ledger/abc.json", "/run/ledger/def.json"]);
    other.put({ ...owner, cpus: "2-3" });
    other.remove("def");
    expect(ledger.read().owners).toEqual([{ ...owner, cpus: "2-3" }]);
    other.put({ ...owner, id: "def", cpus: "4-5" });
    expect(ledger.read().owners.map(({ cpus }) => cpus)).toEqual(["2-3", "4-5"]);
  });

  test.each([
    ["torn", JSON.stringify(owner).slice(0, 40), "JSON"],
    ["empty", "", "JSON"],
    ["another version", JSON.stringify({ ...owner, version: 2 }), "version 2"],
    ["another's name", JSON.stringify({ ...owner, id: "xyz" }), "does not fit its name"],
    ["a path out of the hierarchy", JSON.stringify({ ...owner, cgroup: "a/../../b" }), "plain path"],
    ["no CPU list", JSON.stringify({ ...owner, cpus: "one" }), "is not a CPU list"],
    ["no start time", JSON.stringify({ ...owner, pidStartTime: "now" }), "pidStartTime"],
    ["no pid", JSON.stringify({ ...owner, pid: "7" }), "pid"],
  ])("names an entry that is %s, and keeps the others", (_, text, why) => {
    const ledger = ledgerIn(nodeHostFs(tree.root), "/run/ledger");
    ledger.put({ ...owner, id: "good" });
    file("run/ledger/abc.json", text);
    const { owners, problems } = ledger.read();
    expect(owners.map(({ id }) => id)).toEqual(["good"]);
    expect(problems).toEqual([expect.stringContaining(why)]);
    expect(ledger.find("abc")).toBeUndefined();
    ledger.setAside();
    expect(ledger.read()).toMatchObject({ owners: [{ id: "good" }], unusable: [] });
    expect(ledger.read().problems).toEqual([expect.stringContaining("abc.json.unusable")]);
    expect(nodeHostFs(tree.root).read("/run/ledger/abc.json.unusable")).toBe(text);
    expect(ledger.lost()).toEqual(["abc"]);
    ledger.put(owner);
    expect(ledger.lost()).toEqual([]);
  });
});

describe("the before-file", () => {
  test("keeps contents byte for byte, and goes with its last entry", () => {
    const hostFs = nodeHostFs(tree.root);
    hostFs.mkdirs("/run");
    const kept = beforeFile(hostFs, "/run/before.json", "boot");
    const entries = new Map([["kubepods.slice/cpuset.cpus.exclusive", "\n"]]);
    kept.save(entries);
    expect(kept.read()).toEqual(entries);
    expect(beforeFile(hostFs, "/run/before.json", "another boot").read()).toEqual(new Map());
    kept.save(new Map());
    expect(hostFs.exists("/run/before.json")).toBe(false);
  });

  test.each([
    ["torn", '{"version":1,"fi'],
    ["empty", ""],
    ["of a later version", '{"version":2}'],
  ])("that is %s is unusable, not one without entries", (_, text) => {
    file("run/before.json", text);
    const kept = beforeFile(nodeHostFs(tree.root), "/run/before.json", "boot");
    expect(kept.read()).toBeUndefined();
    expect(kept.problem()).toContain("/run/before.json is unusable");
    kept.setAside();
    kept.save(new Map([["a/b", "1\n"]]));
    expect(kept.read()).toEqual(new Map([["a/b", "1\n"]]));
    expect(kept.problem()).toContain("/run/before.json.unusable");
    expect(nodeHostFs(tree.root).read("/run/before.json.unusable")).toBe(text);
  });
});

describe("an owner's process", () => {
  const stat = (state: string, start: number, threads = 1): string =>
    `7 (a ) b) ${state} 1 ${"0 ".repeat(15)}${threads} 0 ${start} 0 0\n`;

  test("is read from the right, whatever its name holds", () => {
    expect(parseStat(stat("S", 100))).toEqual({ state: "S", threads: 1, startTime: "100" });
    expect(parseStat("garbage")).toBeUndefined();
  });

  test.each([
    ["lives with pid, start time and boot", stat("S", 100), "boot", true],
    ["is dead as a zombie", stat("Z", 100), "boot", false],
    ["lives where only its first thread has ended", stat("Z", 100, 2), "boot", true],
    ["is another with the same pid", stat("S", 101), "boot", false],
    ["is dead after a reboot", stat("S", 100), "another", false],
    ["is dead where there is none", undefined, "boot", false],
  ])("%s", (_, text, boot, alive) => {
    file("proc/sys/kernel/random/boot_id", `${boot}\n`);
    if (text !== undefined) file("proc/7/stat", text);
    expect(isAlive(nodeHostFs(tree.root), owner)).toBe(alive);
  });
});

describe("a container's leaf", () => {
  test.each([
    ["v2", "0::/a/b\n", "/a/b"],
    ["v2", "3:cpuset:/x\n0::/a\n", "/a"],
    ["v1", "9:name=systemd:/\n3:cpu,cpuset:/k:p/c\n0::/u\n", "/k:p/c"],
    ["v1", "0::/u\n", undefined],
  ] as const)("%s reads %j", (backend, text, path) => {
    expect(cgroupPath(text, backend)).toBe(path);
  });

  const v2 = (): void => {
    file("proc/sys/kernel/osrelease", "6.12.1\n");
    file("cg/cgroup.controllers", "cpuset cpu\n");
    for (const dir of ["k", "k/s"]) {
      for (const name of ["cpuset.cpus", "cpuset.cpus.exclusive"]) file(`cg/${dir}/${name}`, "\n");
      file(`cg/${dir}/cpuset.cpus.partition`, "member\n");
    }
    file("cg/k/s/cpuset.cpus", "1-2\n");
  };

  test("is the deepest cgroup with a cpuset; its CPUs are those of the nearest list", () => {
    v2();
    file("proc/7/cgroup", "0::/k/s/container\n");
    mkdirSync(join(tree.root, "cg/k/s/container"));
    const hostFs = nodeHostFs(tree.root);
    const backend = detectBackend(hostFs, "/cg");
    expect(leafOf(hostFs, backend, 7, hostFs.read("/proc/7/cgroup"))).toEqual({
      cgroup: "k/s",
      cpus: [1, 2],
    });
    file("cg/k/s/container/cpuset.cpus", "\n");
    file("cg/k/s/container/cpuset.cpus.partition", "member\n");
    expect(leafOf(hostFs, backend, 7, hostFs.read("/proc/7/cgroup"))).toEqual({
      cgroup: "k/s/container",
      cpus: [1, 2],
    });
  });

  test.each([["0::/\n"], ["0::/../../x\n"], [""]])("%j is refused", (text) => {
    v2();
    file("proc/7/cgroup", text);
    const hostFs = nodeHostFs(tree.root);
    expect(() => leafOf(hostFs, detectBackend(hostFs, "/cg"), 7, hostFs.read("/proc/7/cgroup"))).toThrow(
      "/proc/7/cgroup",
    );
  });
});

describe("the kernel's way", () => {
  test.each([
    ["cpuset/cpuset.cpus", "0-3\n", "CgroupV1"],
    ["k/cpuset.cpus.exclusive", "\n", "CgroupV2"],
  ])("is found by %s", (path, text, name) => {
    file("cg/cgroup.controllers", "cpuset\n");
    file("cg/k/cpuset.cpus", "\n");
    file("proc/sys/kernel/osrelease", "6.12.1\n");
    file(`cg/${path}`, text);
    expect(detectBackend(nodeHostFs(tree.root), "/cg").name).toBe(name);
  });

  test("is none where v2 has no exclusive lists, or no cpuset controller, or nothing is mounted", () => {
    const hostFs = nodeHostFs(tree.root);
    expect(() => detectBackend(hostFs, "/cg")).toThrow("neither");
    file("cg/cgroup.controllers", "cpu memory\n");
    expect(() => detectBackend(hostFs, "/cg")).toThrow("without the cpuset controller");
    file("cg/cgroup.controllers", "cpu cpuset\n");
    file("proc/sys/kernel/osrelease", "6.1.0-31-amd64\n");
    expect(() => detectBackend(hostFs, "/cg")).toThrow("before kernel 6.7");
    file("proc/sys/kernel/osrelease", "6.12.1\n");
    expect(detectBackend(hostFs, "/cg").name).toBe("CgroupV2");
  });

  test.each(["6.7.0-rc1", "6.8.0-45-generic", "6.10.14"])(
    "is none from 6.7 to 6.10 (%s), where an exclusive list counts only within a list of CPUs",
    (release) => {
      file("cg/cgroup.controllers", "cpuset\n");
      file("cg/k/cpuset.cpus", "\n");
      file("cg/k/cpuset.cpus.exclusive", "\n");
      file("proc/sys/kernel/osrelease", `${release}\n`);
      expect(() => detectBackend(nodeHostFs(tree.root), "/cg")).toThrow("before kernel 6.11");
    },
  );

  test.each(["6.11.0-8-generic", "7.2.1", "5.14.0-570.12.1.el9_6.x86_64"])(
    "is the exclusive list's on %s, where it is there",
    (release) => {
      file("cg/cgroup.controllers", "cpuset\n");
      file("cg/k/cpuset.cpus", "\n");
      file("cg/k/cpuset.cpus.exclusive", "\n");
      file("proc/sys/kernel/osrelease", `${release}\n`);
      expect(detectBackend(nodeHostFs(tree.root), "/cg").name).toBe("CgroupV2");
    },
  );
});

test("a CPU without a domain line in schedstat is in no sched domain", () => {
  const text =
    "version 17\ntimestamp 1\ncpu0 0 0\ndomain0 MC f 1\ndomain1 NUMA ff 1\ncpu1 0 0\ncpu2 0 0\ndomain0 MC 9 1\n";
  expect(cpusWithDomain(text)).toEqual([0, 2]);
});
