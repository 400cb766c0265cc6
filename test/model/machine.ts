import type { CpuSet } from "../../common/cpuset.ts";
import type { HostFs } from "../../node-agent/host/host-fs.ts";
import type { Lock } from "../../node-agent/isolation/lock.ts";

/** A machine that a history of containers is played on: a model, or a real one. */
export interface Machine {
  hostFs: HostFs;
  lock: Lock;
  cgroupRoot: string;
  /** State of the node agent. */
  runDir: string;
  /** Stands for the kubelet's cpu_manager_state. */
  kubeletState: string;
  /** Top cgroup of the pods. */
  top: string;
  /** The CPUs that a kubelet may give away. */
  pinnable: CpuSet;
  /** Those that run now. */
  online(): CpuSet;
  /** Takes a CPU offline, or brings it back; undefined where it cannot be had. */
  hotplug: ((cpu: number) => void) | undefined;
  /** Where pods without CPUs of their own may run. */
  shared(): CpuSet;
  /** Makes a cgroup, with its parents, that may run on these CPUs; or gives one others. */
  makeCgroup(dir: string, cpus: CpuSet): void;
  /** A cgroup of ours with all that is in it; no error where it is gone. */
  removeCgroup(dir: string): void;
  /** The CPUs of a cgroup's own list. */
  cpusOf(dir: string): CpuSet;
  /** A process in a cgroup, with a later start time than those before. Returns its pid. */
  spawn(cgroup: string): number;
  /** Ends it, and waits until it is gone; no error where it is. */
  kill(pid: number): Promise<void>;
  /** Power loss; undefined where it cannot be had. */
  reboot: ((keepsRun: boolean) => void) | undefined;
  /** The CPUs that are in no sched domain. */
  unbalanced(): CpuSet;
  /** The partitions that became invalid since the last call. */
  killedPartitions(): string[];
  /** Every setting that isolation may touch, by file. */
  settings(): ReadonlyMap<string, string>;
}
