import { describe, expect, test } from "@jest/globals";
import type { HostFs } from "../../node-agent/host/host-fs.ts";
import { PARTITION } from "../../node-agent/isolation/plan-v2.ts";
import { agentOn } from "./agent.ts";
import { errno } from "./kernel.ts";
import { kernelV1 } from "./kernel-v1.ts";
import { kernelV2 } from "./kernel-v2.ts";
import type { Machine } from "./machine.ts";
import { modelMachine } from "./model-machine.ts";

const UID = "5c4ed6a7-0000-4000-8000-000000000001";
const CGROUP = `kubepods/pod${UID}/one`;
const ALWAYS = Number.POSITIVE_INFINITY;

/** Which calls on files fail, with which error, and how often. */
interface Refusal {
  call: "write" | "replace";
  code: string;
  times: number;
}

/** Starts a container that was just created, where calls of ours fail. Returns how many were made. */
async function start(machine: Machine, { call, code, times }: Refusal): Promise<number> {
  let calls = 0;
  const refuse: HostFs["write"] = (path, text) => {
    calls += 1;
    if (calls <= times) throw errno(code, path);
    machine.hostFs[call](path, text);
  };
  await startBy(machine, { [call]: refuse });
  return calls;
}

/** The same where these calls on files are other ones. */
async function startBy(machine: Machine, calls: Partial<HostFs>): Promise<void> {
  const entries = { [UID]: { main: "1-2" } };
  machine.hostFs.replace(machine.kubeletState, JSON.stringify({ policyName: "static", entries }));
  machine.makeCgroup(CGROUP, [1, 2]);
  const one = { id: "one", podUID: UID, cgroup: CGROUP, pid: machine.spawn(CGROUP), cpus: 2 };
  const hostFs = { ...machine.hostFs, ...calls };
  const lives = (): number => ALWAYS;
  agentOn(machine, lives, () => undefined).note(one);
  const { refusal } = await agentOn({ ...machine, hostFs }, lives, () => undefined).start("one", "deny");
  if (refusal !== undefined) throw new Error(refusal);
}

/** The settings of what was there before the container. */
function settings(machine: Machine): [string, string][] {
  return [...machine.settings()].filter(([path]) => !path.includes(UID));
}

describe.each([
  ["v1", kernelV1],
  ["v2", kernelV2],
])("a kernel with cgroup %s that refuses writes while it rebuilds its domains", (_, kernel) => {
  test.each(["EBUSY", "EINVAL", "ENOENT"])(
    "with %s is asked again until the CPUs are isolated",
    async (code) => {
      const machine = modelMachine(kernel);
      expect(await start(machine, { call: "write", code, times: 7 })).toBeGreaterThan(7);
      expect(machine.unbalanced()).toEqual([1, 2]);
    },
  );

  test.each(["EBUSY", "EINVAL"])(
    "with %s for ever is asked in bounds, and the failure names file and error",
    async (code) => {
      const machine = modelMachine(kernel);
      const before = settings(machine);
      const started = start(machine, { call: "write", code, times: ALWAYS });
      await expect(started).rejects.toThrow(new RegExp(`could not be isolated.*cpuset\\..*: ${code}`));
      expect(machine.unbalanced()).toEqual([]);
      expect(settings(machine)).toEqual(before);
    },
  );
});

describe("a kernel that takes every write and says that the partition is invalid", () => {
  test.each([
    "isolated invalid (Parent is not a partition root)",
    "isolated invalid (Cpu list in cpuset.cpus not exclusive)",
  ])("is a refusal in the kernel's own words: %s", async (said) => {
    const machine = modelMachine(kernelV2);
    const before = settings(machine);
    const leaf = `${CGROUP}/${PARTITION}`;
    const read: HostFs["read"] = (path) => {
      const text = machine.hostFs.read(path);
      return path.endsWith(leaf) && text === "isolated\n" ? `${said}\n` : text;
    };
    await expect(startBy(machine, { read })).rejects.toThrow(
      `CPUs 1-2 of container main (/) could not be isolated: CgroupV2: ${leaf} reads "${said}"`,
    );
    expect(settings(machine)).toEqual(before);
  });
});

describe("a slice that has lost the cpuset controller", () => {
  test("is a refusal of its containers that says what CPUs they have then, and nothing is written", async () => {
    const machine = modelMachine(kernelV2);
    const before = settings(machine);
    const gone = (path: string): boolean => path.includes(`/pod${UID}`) && path.includes("/cpuset.");
    const read: HostFs["read"] = (path) => {
      if (gone(path)) throw errno("ENOENT", path);
      return machine.hostFs.read(path);
    };
    const exists: HostFs["exists"] = (path) => !gone(path) && machine.hostFs.exists(path);
    const started = startBy(machine, { read, exists });
    await expect(started).rejects.toThrow("the kubelet pinned CPUs 1-2, the kernel has 0-3");
    expect(settings(machine)).toEqual(before);
    expect(machine.unbalanced()).toEqual([]);
  });

  test("is no error for one that runs, and it is isolated again when the controller is back", async () => {
    const machine = modelMachine(kernelV2);
    await startBy(machine, {});
    const lives = (): number => ALWAYS;
    const agent = agentOn(machine, lives, () => undefined);
    machine.removeCgroup(`kubepods/pod${UID}`); // what the reconcile sees of it: files that are gone
    expect(await agent.reconcile()).toMatchObject({ ended: true });
    expect(machine.unbalanced()).toEqual([]);
    machine.makeCgroup(CGROUP, [1, 2]);
    expect(await agent.reconcile()).toMatchObject({ ended: true });
    expect(machine.unbalanced()).toEqual([1, 2]);
  });
});

describe("a /run that takes no writes", () => {
  test.each(["ENOSPC", "EROFS"])(
    "(%s) is a failure that says so, before the kernel is touched",
    async (code) => {
      const machine = modelMachine(kernelV2);
      const before = settings(machine);
      const started = start(machine, { call: "replace", code, times: ALWAYS });
      await expect(started).rejects.toThrow(code);
      expect(settings(machine)).toEqual(before);
    },
  );
});
