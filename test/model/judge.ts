import { expect } from "@jest/globals";
import { formatCpuSet, intersection, parseCpuSet, union } from "../../common/cpuset.ts";
import { readIfThere } from "../../node-agent/host/host-fs.ts";
import type { Answer } from "./agent.ts";
import type { Container } from "./kubelet.ts";
import type { Machine } from "./machine.ts";

/** A call of ours that is over. */
export interface Done extends Answer {
  /** The container that it was for. */
  one?: Container;
  /** The CPUs that the ledger must hold for it; undefined: it holds no entry. */
  entry?: string | undefined;
  /** Whether it brings the kernel to what the ledger says; one that isolates nothing does not. */
  settles: boolean;
}

/** Holds ledger, kernel and what calls changed against what must be. */
export class Judge {
  private readonly machine: Machine;
  private readonly containers: readonly Container[];
  /** The CPUs of each container's entry, after the last calls. */
  private said = new Map<string, string | undefined>();
  /** Whose partitions stood after the last calls. */
  private owning = new Set<string>();

  constructor(machine: Machine, containers: readonly Container[]) {
    this.machine = machine;
    this.containers = containers;
  }

  /** Its partition may become invalid on the way to other CPUs. */
  moves({ cgroup }: Container): void {
    this.owning.delete(cgroup);
  }

  /** What must hold after calls that went on at once; a call that was killed in the middle left the kernel to the next one. */
  judge(all: readonly Done[]): void {
    const killed = this.machine.killedPartitions();
    const wasOwning = this.owning;
    for (const { one, ended, entry } of all)
      if (one?.alive === true && ended) expect([one.id, this.entryOf(one)]).toEqual([one.id, entry]);
    const subjects = all.map(({ one }) => one);
    for (const one of this.containers.filter((each) => each.alive && !subjects.includes(each)))
      expect([one.id, this.entryOf(one)]).toEqual([one.id, this.said.get(one.id)]);
    this.said = new Map(this.containers.map((one) => [one.id, this.entryOf(one)]));
    const owners = this.owners();
    if (all.every(({ ended }) => ended) && all.some(({ settles }) => settles)) {
      this.owning = new Set(owners.map(({ cgroup }) => cgroup));
      const owned = intersection(union(...owners.map(({ held }) => held)), this.machine.online());
      expect(formatCpuSet(this.machine.unbalanced())).toBe(formatCpuSet(owned));
    }
    const still = owners.map(({ cgroup }) => cgroup);
    expect(killed.filter((leaf) => wasOwning.has(leaf) && still.includes(leaf))).toEqual([]);
  }

  /** The CPUs that the ledger holds for the container. */
  entryOf({ id }: Container): string | undefined {
    const text = readIfThere(this.machine.hostFs, `${this.machine.runDir}/ledger/${id}.json`);
    return text === undefined ? undefined : (JSON.parse(text) as { cpus: string }).cpus;
  }

  /** A call may change files of its own state, and of the kernel only what isolation is made of. */
  expectOwnOnly(paths: readonly string[]): void {
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

  // Who is to hold isolated CPUs: what is in the ledger and lives, the newest first where two ran on the same.
  private owners(): { cgroup: string; held: readonly number[] }[] {
    const owners: { cgroup: string; held: readonly number[] }[] = [];
    for (const one of this.containers.toReversed()) {
      const held = parseCpuSet(this.entryOf(one) ?? "");
      const isTaken = owners.some((newer) => intersection(newer.held, held).length > 0);
      if (one.alive && !isTaken && held.length > 0) owners.push({ cgroup: one.cgroup, held });
    }
    return owners;
  }
}
