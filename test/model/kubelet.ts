import { type CpuSet, formatCpuSet, intersection, isSubset, minus, union } from "../../common/cpuset.ts";
import type { Created } from "./agent.ts";
import type { Machine } from "./machine.ts";

/** A container of the history. */
export interface Container extends Created {
  pod: number;
  /** `busy`: a call for it is going on, and the runtime makes no other until then. */
  stage: "created" | "busy" | "running";
  alive: boolean;
  hasCgroup: boolean;
}

/** Kubelet and runtime of a machine: pods, their CPUs, their containers, and the kubelet's own record. */
export class Kubelet {
  /** Oldest first. */
  readonly containers: Container[] = [];
  private readonly machine: Machine;
  /** The CPUs of the pods that the kubelet knows. */
  private readonly pods = new Map<number, CpuSet>();
  /** Its cpu_manager_state, by the pod's uid. */
  private readonly record = new Map<string, CpuSet>();
  private readonly shared = new Map<string, "half" | "whole">();

  constructor(machine: Machine) {
    this.machine = machine;
  }

  /** A new container with its process; undefined where its pod has one, or there is no CPU. */
  create(pod: number, wanted: number, wrong: boolean): Container | undefined {
    if (this.pods.has(pod) && this.containers.some((one) => one.pod === pod && one.alive)) return undefined;
    const held = this.pods.get(pod) ?? this.free(pod).slice(0, wanted);
    if (held.length === 0 || !isSubset(held, this.machine.online())) return undefined;
    const made = this.containers.length + 1;
    const podUID = `0000000${pod}-0000-4000-8000-${String(made).padStart(12, "0")}`;
    const id = `c${made}`;
    const cgroup = `${this.machine.top}/pod${podUID}/${id}`;
    this.give(pod, podUID, held);
    this.machine.makeCgroup(cgroup, wrong ? this.machine.shared() : held);
    const pid = this.machine.spawn(cgroup);
    const one: Container = {
      ...{ id, podUID, cgroup, pid, cpus: held.length },
      ...{ pod, stage: "created", alive: true, hasCgroup: true },
    };
    this.containers.push(one);
    return one;
  }

  /** The pod's living container at this stage. */
  current(pod: number, stage: Container["stage"]): Container | undefined {
    return this.containers.findLast((one) => one.pod === pod && one.alive && one.stage === stage);
  }

  /** Others than it had, as far as there are free ones. False where the kubelet gives the container nothing any more. */
  move(one: Container, wanted: number): boolean {
    if (!this.record.has(one.podUID)) return false;
    const held = this.free(one.pod).slice(-wanted);
    if (held.length === 0) return false;
    this.give(one.pod, one.podUID, held);
    return this.rewrite(one);
  }

  /** Whether no CPU that it has is offline. */
  canRun({ podUID }: Container): boolean {
    return isSubset(this.record.get(podUID) ?? [], this.machine.online());
  }

  /** Writes the container's cpuset as the record has it. False where it cannot. */
  rewrite(one: Container): boolean {
    const held = this.record.get(one.podUID);
    if (held === undefined || !this.canRun(one)) return false;
    this.machine.makeCgroup(one.cgroup, held);
    return true;
  }

  /** What the container owns by record and kernel: none, or undefined where these do not agree or it is dead. */
  owned(one: Container): CpuSet | undefined {
    if (!one.alive) return undefined;
    const recorded = this.record.get(one.podUID) ?? [];
    const isAgreed =
      recorded.length === 0 || formatCpuSet(recorded) === formatCpuSet(this.machine.cpusOf(one.cgroup));
    return isAgreed ? recorded : undefined;
  }

  forget(pod: number): void {
    this.pods.delete(pod);
    for (const { podUID } of this.containers.filter((one) => one.pod === pod)) this.record.delete(podUID);
    this.save();
  }

  async kill(one: Container): Promise<void> {
    one.alive = false;
    await this.machine.kill(one.pid);
  }

  removeCgroup(one: Container): void {
    if (one.hasCgroup) this.machine.removeCgroup(one.cgroup);
    one.hasCgroup = false;
  }

  changeShared(name: number, half: boolean): void {
    const dir = `${this.machine.top}/burstable${name}`;
    const state = this.shared.get(dir);
    if (state === "whole") {
      this.machine.removeCgroup(dir);
      this.shared.delete(dir);
      return;
    }
    const isHalf = state === undefined && half;
    this.machine.makeCgroup(dir, isHalf ? [] : this.machine.shared());
    this.shared.set(dir, isHalf ? "half" : "whole");
  }

  /** The machine lost power: no process and no cgroup is left. */
  reboot(): void {
    for (const one of this.containers) Object.assign(one, { alive: false, hasCgroup: false });
    this.shared.clear();
  }

  /** Takes away what the history made. */
  async leave(): Promise<void> {
    for (const one of this.containers.filter(({ alive }) => alive)) await this.kill(one);
    for (const dir of this.shared.keys()) this.machine.removeCgroup(dir);
    for (const pod of new Set(this.containers.map(({ podUID }) => podUID)))
      this.machine.removeCgroup(`${this.machine.top}/pod${pod}`);
  }

  private free(pod: number): CpuSet {
    const others = [...this.pods].filter(([other]) => other !== pod).map(([, cpus]) => cpus);
    return minus(intersection(this.machine.pinnable, this.machine.online()), union(...others));
  }

  private give(pod: number, podUID: string, cpus: CpuSet): void {
    this.pods.set(pod, cpus);
    this.record.set(podUID, cpus);
    this.save();
  }

  private save(): void {
    const entries = [...this.record].map(([uid, cpus]) => [uid, { main: formatCpuSet(cpus) }]);
    const state = { policyName: "static", entries: Object.fromEntries(entries) as object };
    this.machine.hostFs.replace(this.machine.kubeletState, JSON.stringify(state));
  }
}
