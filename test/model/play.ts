import { expect } from "@jest/globals";
import { formatCpuSet } from "../../common/cpuset.ts";
import { ifThere } from "../../node-agent/host/host-fs.ts";
import { type Agent, type Answer, agentOn } from "./agent.ts";
import type { Event } from "./history.ts";
import { type Done, Judge } from "./judge.ts";
import { type Container, Kubelet } from "./kubelet.ts";
import type { Machine } from "./machine.ts";

/**
 * Plays a history on a machine; after each call of ours that came to its end the kernel must hold what the living
 * containers own and nothing else, and after the last container all must be as it was.
 */
export async function play(machine: Machine, history: readonly Event[]): Promise<void> {
  const before = machine.settings();
  const game = new Game(machine);
  try {
    for (const event of history) await game.take(event);
    await game.end();
    const after = machine.settings();
    expect([...after].filter(([file, text]) => before.has(file) && before.get(file) !== text)).toEqual([]);
    expect([...after.keys()].filter((file) => file.includes("schedgate-housekeeping"))).toEqual([]);
    expect(machine.hostFs.exists(`${machine.runDir}/before.json`)).toBe(false);
    expect(ifThere(() => machine.hostFs.list(`${machine.runDir}/ledger`)) ?? []).toEqual([]);
    await machine.lock(() => Promise.resolve()); // nobody holds it
  } finally {
    await game.leave();
  }
}

type Call = () => Promise<Done>;

/** What each event does, and the calls of ours that follow from it. */
type Happening = {
  [K in Exclude<Event["event"], "atOnce">]: (event: Extract<Event, { event: K }>) => Call[] | Promise<Call[]>;
};

class Game {
  private readonly machine: Machine;
  private readonly kubelet: Kubelet;
  private readonly judge: Judge;
  private readonly agent: Agent;
  private readonly on: Happening;
  private lifetime = Infinity;

  constructor(machine: Machine) {
    this.machine = machine;
    this.kubelet = new Kubelet(machine);
    this.judge = new Judge(machine, this.kubelet.containers);
    const lifetime = (): number => {
      const now = this.lifetime;
      this.lifetime = Infinity;
      return now;
    };
    this.agent = agentOn(machine, lifetime, (paths) => {
      this.judge.expectOwnOnly(paths);
    });
    this.on = { ...this.ofPods(), ...this.ofNode() };
  }

  /** First what happens on the node, then the calls that it makes, at once. */
  async take(event: Event): Promise<void> {
    const calls: Call[] = [];
    for (const one of event.event === "atOnce" ? event.all : [event]) {
      const happen = this.on[one.event] as (event: unknown) => Call[] | Promise<Call[]>;
      calls.push(...(await happen(one)));
    }
    if (calls.length > 0) this.judge.judge(await Promise.all(calls.map((call) => call())));
  }

  /** Every container ends, nobody calls for any; one reconcile. */
  async end(): Promise<void> {
    this.lifetime = Infinity;
    for (const cpu of this.machine.pinnable)
      if (!this.machine.online().includes(cpu)) this.machine.hotplug?.(cpu);
    for (const one of this.kubelet.containers.filter(({ alive }) => alive)) await this.kubelet.kill(one);
    await this.take({ event: "reconcile" });
  }

  leave(): Promise<void> {
    return this.kubelet.leave();
  }

  private ofPods(): Pick<Happening, "create" | "start" | "update" | "die" | "delete" | "forget"> {
    const { kubelet, agent } = this;
    return {
      create: ({ pod, cpus, wrong }) => {
        this.create(pod, cpus, wrong);
        return [];
      },
      start: ({ pod, cpus, allow }) => {
        const one = kubelet.current(pod, "created") ?? this.create(pod, cpus, false);
        return one !== undefined && kubelet.canRun(one) ? [this.start(one, allow)] : [];
      },
      update: ({ pod, cpus }) => {
        const one = kubelet.current(pod, "running");
        return one !== undefined && kubelet.move(one, cpus) ? [this.update(one)] : [];
      },
      die: async ({ pod, cgroupGoes }) => {
        const one = kubelet.containers.find((other) => other.pod === pod && other.alive);
        if (one !== undefined) await kubelet.kill(one);
        if (one !== undefined && cgroupGoes) kubelet.removeCgroup(one);
        return [];
      },
      delete: ({ pod, older }) => {
        const ended = kubelet.containers.filter((one) => one.pod === pod && !one.alive);
        const one = older ? ended[0] : ended.at(-1);
        if (one === undefined) return [];
        kubelet.removeCgroup(one);
        return [settling(() => agent.remove(one.id))];
      },
      forget: ({ pod }) => {
        kubelet.forget(pod);
        return [];
      },
    };
  }

  private ofNode(): Omit<Happening, keyof ReturnType<Game["ofPods"]>> {
    const { kubelet, machine, agent } = this;
    const reconcile = settling(() => agent.reconcile());
    return {
      sharedPod: ({ name }) => {
        kubelet.changeShared(name, false);
        return [];
      },
      halfMade: ({ name }) => {
        kubelet.changeShared(name, true);
        return [];
      },
      reconcile: () => [reconcile],
      kill: ({ after }) => {
        this.lifetime = after;
        return [];
      },
      restartKubelet: () =>
        kubelet.containers
          .filter((one) => one.alive && one.stage === "running" && kubelet.rewrite(one))
          .map((one) => this.update(one)),
      hotplug: ({ cpu }) => {
        if (machine.pinnable.includes(cpu)) machine.hotplug?.(cpu);
        return [];
      },
      reboot: ({ keepsRun }) => {
        if (machine.reboot === undefined) return [];
        machine.reboot(keepsRun);
        kubelet.reboot();
        // The runtime starts after the agent's first pass, or its pods could not ask for anything.
        this.lifetime = Infinity;
        return [reconcile];
      },
    };
  }

  private create(pod: number, cpus: number, wrong: boolean): Container | undefined {
    const one = this.kubelet.create(pod, cpus, wrong);
    if (one !== undefined) this.agent.note(one);
    return one;
  }

  private start(one: Container, allow: boolean): Call {
    one.stage = "busy";
    return async () => {
      const owned = this.kubelet.owned(one);
      const entry = owned === undefined ? (allow ? "" : undefined) : formatCpuSet(owned);
      const call = await this.agent.start(one.id, allow ? "allow" : "deny");
      if (one.alive && call.ended) expect(call.refusal === undefined).toBe(entry !== undefined);
      // The runtime tries one again that was refused, or whose launcher was killed.
      one.stage = entry === undefined || !call.ended ? "created" : "running";
      return { ...call, one, entry, settles: (entry ?? "") !== "" };
    };
  }

  private update(one: Container): Call {
    this.judge.moves(one);
    one.stage = "busy";
    return async () => {
      const entry = formatCpuSet(this.kubelet.owned(one) ?? []);
      const call = await this.agent.update(one.id);
      one.stage = "running";
      return { ...call, one, entry, settles: true };
    };
  }
}

function settling(call: () => Promise<Answer>): Call {
  return async () => ({ ...(await call()), settles: true });
}
