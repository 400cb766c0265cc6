import { expect } from "@jest/globals";
import { type CpuSet, formatCpuSet, intersection, minus, union } from "../../common/cpuset.ts";
import { ifThere } from "../../node-agent/host/host-fs.ts";
import { type Agent, type Created, agentOn } from "./agent.ts";
import type { Event } from "./history.ts";
import type { Machine } from "./machine.ts";

interface Container extends Created {
  pod: number;
  held: CpuSet;
  alive: boolean;
  hasCgroup: boolean;
}

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
  } finally {
    await game.leave();
  }
}

class Game {
  private readonly machine: Machine;
  private readonly agent: Agent;
  /** Oldest first. */
  private readonly containers: Container[] = [];
  private readonly pods = new Map<number, CpuSet>();
  private readonly shared = new Map<string, "half" | "whole">();
  private lifetime = Infinity;
  private made = 0;
  private owning: string[] = [];

  constructor(machine: Machine) {
    this.machine = machine;
    const lifetime = (): number => {
      const now = this.lifetime;
      this.lifetime = Infinity;
      return now;
    };
    this.agent = agentOn(machine, lifetime, (paths) => {
      this.expectOwnOnly(paths);
    });
  }

  async take(event: Event): Promise<void> {
    switch (event.event) {
      case "start":
        return this.start(event.pod, event.cpus);
      case "die":
        return this.die(event.pod, event.cgroupGoes);
      case "delete":
        return this.delete(event.pod, event.older);
      case "forget":
        this.pods.delete(event.pod);
        return;
      case "sharedPod":
      case "halfMade":
        this.changeShared(`${this.machine.top}/burstable${event.name}`, event.event === "halfMade");
        return;
      case "reconcile":
        this.judge(await this.agent.reconcile());
        return;
      case "kill":
        this.lifetime = event.after;
        return;
      case "reboot":
        if (this.machine.reboot === undefined) return;
        this.machine.reboot(event.keepsRun);
        for (const one of this.containers) Object.assign(one, { alive: false, hasCgroup: false });
        this.shared.clear();
        // The runtime starts after the agent's first pass, or its pods could not ask for anything.
        this.lifetime = Infinity;
        this.judge(await this.agent.reconcile());
        return;
    }
  }

  /** Every container ends, nobody calls for any; one reconcile. */
  async end(): Promise<void> {
    this.lifetime = Infinity;
    for (const one of this.containers.filter(({ alive }) => alive)) await this.kill(one);
    this.judge(await this.agent.reconcile());
  }

  /** Takes away what the history made. */
  async leave(): Promise<void> {
    for (const one of this.containers.filter(({ alive }) => alive)) await this.kill(one);
    for (const dir of this.shared.keys()) this.machine.removeCgroup(dir);
    for (const pod of new Set(this.containers.map(({ podUID }) => podUID)))
      this.machine.removeCgroup(`${this.machine.top}/pod${pod}`);
  }

  private async start(pod: number, wanted: number): Promise<void> {
    if (this.pods.has(pod) && this.containers.some((one) => one.pod === pod && one.alive)) return;
    const taken = union(...this.pods.values());
    const held = this.pods.get(pod) ?? minus(this.machine.pinnable, taken).slice(0, wanted);
    if (held.length === 0) return;
    this.pods.set(pod, held);
    this.made += 1;
    const podUID = `0000000${pod}-0000-4000-8000-${String(this.made).padStart(12, "0")}`;
    const id = `c${this.made}`;
    const cgroup = `${this.machine.top}/pod${podUID}/${id}`;
    const state = { policyName: "static", entries: { [podUID]: { main: formatCpuSet(held) } } };
    this.machine.hostFs.replace(this.machine.kubeletState, JSON.stringify(state));
    this.machine.makeCgroup(cgroup, held);
    const pid = this.machine.spawn(cgroup);
    const one = { id, podUID, cgroup, pid, cpus: held.length, pod, held, alive: true, hasCgroup: true };
    this.containers.push(one);
    this.judge(await this.agent.start(one), one);
  }

  private async die(pod: number, cgroupGoes: boolean): Promise<void> {
    const one = this.containers.find((other) => other.pod === pod && other.alive);
    if (one === undefined) return;
    await this.kill(one);
    if (cgroupGoes) this.removeCgroup(one);
  }

  private async delete(pod: number, older: boolean): Promise<void> {
    const ended = this.containers.filter((one) => one.pod === pod && !one.alive);
    const one = older ? ended[0] : ended.at(-1);
    if (one === undefined) return;
    if (one.hasCgroup) this.removeCgroup(one);
    this.judge(await this.agent.remove(one.id));
  }

  private changeShared(dir: string, half: boolean): void {
    const state = this.shared.get(dir);
    if (state === undefined) {
      this.machine.makeCgroup(dir, half ? [] : this.machine.shared);
      this.shared.set(dir, half ? "half" : "whole");
    } else if (state === "half") {
      this.machine.makeCgroup(dir, this.machine.shared);
      this.shared.set(dir, "whole");
    } else {
      this.machine.removeCgroup(dir);
      this.shared.delete(dir);
    }
  }

  private async kill(one: Container): Promise<void> {
    await this.machine.kill(one.pid);
    one.alive = false;
  }

  private removeCgroup(one: Container): void {
    this.machine.removeCgroup(one.cgroup);
    one.hasCgroup = false;
  }

  /** What must hold after a call; one that was killed in the middle left it to the next. */
  private judge(ended: boolean, started?: Container): void {
    const wasOwning = this.owning;
    const killed = this.machine.killedPartitions();
    if (ended) {
      if (started !== undefined) expect(this.inLedger(started)).toBe(true);
      this.owning = this.owners().map(({ cgroup }) => cgroup);
      expect(formatCpuSet(this.machine.unbalanced())).toBe(
        formatCpuSet(union(...this.owners().map(({ held }) => held))),
      );
    }
    const still = new Set(this.owners().map(({ cgroup }) => cgroup));
    expect(killed.filter((leaf) => wasOwning.includes(leaf) && still.has(leaf))).toEqual([]);
  }

  /** Who is to hold isolated CPUs: what is in the ledger and lives, the newest first where two ran on the same. */
  private owners(): Container[] {
    const owners: Container[] = [];
    for (const one of this.containers.toReversed()) {
      const taken = owners.some(({ held }) => intersection(held, one.held).length > 0);
      if (one.alive && !taken && this.inLedger(one)) owners.push(one);
    }
    return owners;
  }

  private inLedger({ id }: Container): boolean {
    return this.machine.hostFs.exists(`${this.machine.runDir}/ledger/${id}.json`);
  }

  private expectOwnOnly(paths: readonly string[]): void {
    const { cgroupRoot, runDir } = this.machine;
    const leaves = this.containers.map(({ cgroup }) => `/${cgroup}/`);
    const foreign = paths.filter((path) => {
      if (path.startsWith(`${runDir}/`)) return false;
      if (/\/cpuset\/schedgate-housekeeping(\/cpuset\.(cpus|sched_load_balance))?$/.test(path)) return false;
      if (path.startsWith(`${cgroupRoot}/cpuset/`)) return !path.endsWith("/cpuset.sched_load_balance");
      const [, dir = ""] =
        /^(\/.*\/)cpuset\.cpus\.(exclusive|partition)$/.exec(path.slice(cgroupRoot.length)) ?? [];
      return dir === "" || !leaves.some((leaf) => leaf.startsWith(dir));
    });
    expect(foreign).toEqual([]);
  }
}
