import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type CpuSet, formatCpuSet, minus, parseCpuSet } from "../../../common/cpuset.ts";
import { nodeHostFs } from "../../../node-agent/host/host-fs.ts";
import { fileLock } from "../../../node-agent/isolation/lock.ts";
import type { Machine } from "../../model/machine.ts";
import { realProcesses, removeCgroup } from "../../model/processes.ts";
import { type Host, directories } from "./host.ts";
import { makeCpusets } from "./tree.ts";

const DIR = "/run/histories";
const TOP = "kubepods";

/** The guest as the model's machine: real cgroups and processes, no runtime. */
export function guestMachine(host: Host): Machine & { close(): void } {
  const { root, version } = host;
  const make = version === "v2" ? makeV2 : makeV1;
  mkdirSync(DIR, { recursive: true });
  make(root, TOP, []);
  return {
    hostFs: nodeHostFs(),
    lock: fileLock(`${DIR}/lock`),
    cgroupRoot: "/sys/fs/cgroup",
    runDir: `${DIR}/run`,
    kubeletState: `${DIR}/cpu_manager_state`,
    top: TOP,
    // Two CPUs stay: one alone has no sched domain, isolated or not.
    pinnable: minus(host.online(), [0, 1]),
    // Never less than what some container isolates: a kubelet keeps CPUs for them, and cgroup v2 refuses the isolation else.
    shared: () => host.online(),
    online: () => host.online(),
    hotplug: undefined, // the scenarios play it, with a daemon
    cpusOf: (dir) => parseCpuSet(readFileSync(join(root, dir, "cpuset.cpus"), "utf8")),
    makeCgroup: (dir, cpus) => {
      make(root, dir, cpus);
    },
    removeCgroup: (dir) => {
      removeCgroup(join(root, dir));
      waitUntilRemoved(host);
    },
    ...realProcesses((cgroup) => join(root, cgroup, "cgroup.procs")),
    reboot: undefined,
    unbalanced: () => parseCpuSet(host.isolated()),
    killedPartitions: () => invalidPartitions(root, TOP),
    settings: () => host.dump(),
    close: () => {
      removeCgroup(join(root, TOP));
      rmSync(DIR, { recursive: true });
    },
  };
}

// Only leaves have a list of CPUs, as with a kubelet.
function makeV2(root: string, dir: string, cpus: CpuSet): void {
  const parts = dir.split("/");
  for (const [index] of parts.entries()) {
    writeFileSync(join(root, ...parts.slice(0, index), "cgroup.subtree_control"), "+cpuset");
    mkdirSync(join(root, ...parts.slice(0, index + 1)), { recursive: true });
  }
  if (cpus.length > 0) writeFileSync(join(root, dir, "cpuset.cpus"), formatCpuSet(cpus));
}

function makeV1(root: string, dir: string, cpus: CpuSet): void {
  makeCpusets(root, dir === TOP ? TOP : dirname(dir));
  mkdirSync(join(root, dir), { recursive: true });
  if (dir === TOP || cpus.length === 0) return;
  writeFileSync(join(root, dir, "cpuset.mems"), readFileSync(join(root, "cpuset.mems")));
  writeFileSync(join(root, dir, "cpuset.cpus"), formatCpuSet(cpus));
}

const sleeper = new Int32Array(new SharedArrayBuffer(4));

// The kernel ends a cpuset a moment after its directory is gone, and counts it in its domains until then.
function waitUntilRemoved(host: Host): void {
  for (let waited = 0; hasDying(host); waited += 1) {
    if (waited === 2000) throw new Error("a removed cgroup is still there after 10 s");
    Atomics.wait(sleeper, 0, 0, 5);
  }
}

function hasDying({ version, root }: Host): boolean {
  if (version === "v2")
    return !readFileSync(join(root, TOP, "cgroup.stat"), "utf8").includes("nr_dying_descendants 0\n");
  const [, count] = /^cpuset\s+\d+\s+(\d+)/m.exec(readFileSync("/proc/cgroups", "utf8")) ?? [];
  return Number(count) !== directories(root).length;
}

function invalidPartitions(root: string, dir: string): string[] {
  const path = join(root, dir);
  const inner = existsSync(path) ? readdirSync(path, { withFileTypes: true }) : [];
  const below = inner
    .filter((each) => each.isDirectory())
    .flatMap(({ name }) => invalidPartitions(root, join(dir, name)));
  const file = join(path, "cpuset.cpus.partition");
  return existsSync(file) && readFileSync(file, "utf8").includes("invalid") ? [dir, ...below] : below;
}
