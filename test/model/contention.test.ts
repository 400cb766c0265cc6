import { describe, expect, test } from "@jest/globals";
import type { Lock } from "../../node-agent/isolation/lock.ts";
import { type Agent, type Created, agentOn } from "./agent.ts";
import { kernelV1 } from "./kernel-v1.ts";
import { kernelV2 } from "./kernel-v2.ts";
import type { Machine } from "./machine.ts";
import { modelMachine } from "./model-machine.ts";

const UID = "5c4ed6a7-0000-4000-8000-00000000000";

/** A container of its own pod that was just created, with the CPU of its number. */
function created(machine: Machine, cpu: number): Created {
  const podUID = `${UID}${cpu}`;
  const cgroup = `kubepods/pod${podUID}/c${cpu}`;
  machine.makeCgroup(cgroup, [cpu]);
  return { id: `c${cpu}`, podUID, cgroup, pid: machine.spawn(cgroup), cpus: 1 };
}

function record(machine: Machine, ...cpus: readonly number[]): void {
  const entries = Object.fromEntries(cpus.map((cpu) => [`${UID}${cpu}`, { main: String(cpu) }]));
  machine.hostFs.replace(machine.kubeletState, JSON.stringify({ policyName: "static", entries }));
}

/** A process that gets the lock only after another one had it and did its work. */
function later(machine: Machine, meanwhile: (other: Agent) => Promise<unknown>): Agent {
  const lock: Lock = async (work) => {
    await meanwhile(agent(machine, machine.lock));
    return work();
  };
  return agent(machine, lock);
}

function agent(machine: Machine, lock: Lock): Agent {
  return agentOn(
    { ...machine, lock },
    () => Number.POSITIVE_INFINITY,
    () => undefined,
  );
}

async function start(by: Agent, one: Created): Promise<void> {
  by.note(one);
  expect(await by.start(one.id, "deny")).toEqual({ ended: true, refusal: undefined });
}

describe.each([
  ["v1", kernelV1],
  ["v2", kernelV2],
])("what another process changes while one waits for the lock (cgroup %s)", (_, kernel) => {
  test("is kept by a start", async () => {
    const machine = modelMachine(kernel);
    record(machine, 1, 2);
    const [one, two] = [created(machine, 1), created(machine, 2)];
    await start(
      later(machine, (other) => start(other, two)),
      one,
    );
    expect(machine.unbalanced()).toEqual([1, 2]);
    expect(machine.killedPartitions()).toEqual([]);
  });

  test("is kept by the end of an older container", async () => {
    const machine = modelMachine(kernel);
    record(machine, 1, 2);
    const [one, two] = [created(machine, 1), created(machine, 2)];
    await start(agent(machine, machine.lock), one);
    await machine.kill(one.pid);
    await later(machine, (other) => start(other, two)).remove(one.id);
    expect(machine.unbalanced()).toEqual([2]);
    expect(machine.killedPartitions()).toEqual([]);
  });

  test("is kept by a reconcile that saw the machine before it", async () => {
    const machine = modelMachine(kernel);
    record(machine, 1, 2, 3);
    const [one, two, three] = [created(machine, 1), created(machine, 2), created(machine, 3)];
    await start(agent(machine, machine.lock), one);
    await machine.kill(one.pid); // so that there is something to do
    await later(machine, async (other) => {
      await start(other, two);
      await start(other, three);
    }).reconcile();
    expect(machine.unbalanced()).toEqual([2, 3]);
    expect(machine.killedPartitions()).toEqual([]);
  });
});
