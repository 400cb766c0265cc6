import { describe, expect, test } from "@jest/globals";
import type { HostFs } from "../../node-agent/host/host-fs.ts";
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
  const entries = { [UID]: { main: "1-2" } };
  machine.hostFs.replace(machine.kubeletState, JSON.stringify({ policyName: "static", entries }));
  machine.makeCgroup(CGROUP, [1, 2]);
  const one = { id: "one", podUID: UID, cgroup: CGROUP, pid: machine.spawn(CGROUP), cpus: 2 };
  let calls = 0;
  const refuse: HostFs["write"] = (path, text) => {
    calls += 1;
    if (calls <= times) throw errno(code, path);
    machine.hostFs[call](path, text);
  };
  const hostFs = { ...machine.hostFs, [call]: refuse };
  const lives = (): number => ALWAYS;
  agentOn(machine, lives, () => undefined).note(one);
  const { refusal } = await agentOn({ ...machine, hostFs }, lives, () => undefined).start("one", "deny");
  if (refusal !== undefined) throw new Error(refusal);
  return calls;
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
