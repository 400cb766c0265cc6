import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CpuSet, formatCpuSet, parseCpuSet } from "../../common/cpuset.ts";
import { nodeHostFs } from "../../node-agent/host/host-fs.ts";
import { fileLock } from "../../node-agent/isolation/lock.ts";
import type { Machine } from "../model/machine.ts";
import { realProcesses, removeCgroup } from "../model/processes.ts";
import { PARENT } from "./container.ts";
import { cpusetRoot, isolatedCpus, online, settings } from "./kernel.ts";

/** This machine with its cgroup v1 cpusets; the pods' cgroups are below one of the tests' own. */
export function realMachine(): Machine & { close(): void } {
  const dir = mkdtempSync(join(tmpdir(), "schedgate-history-"));
  const top = `${PARENT}/kubepods`;
  const makeCgroup = (cgroup: string, cpus: CpuSet): void => {
    const parts = cgroup.split("/");
    for (const [index] of parts.entries()) {
      const level = join(cpusetRoot, ...parts.slice(0, index + 1));
      mkdirSync(level, { recursive: true });
      const isLeaf = index === parts.length - 1;
      if (!isLeaf && readFileSync(join(level, "cpuset.cpus"), "utf8").trim() !== "") continue;
      if (isLeaf && cpus.length === 0) continue;
      writeFileSync(join(level, "cpuset.mems"), readFileSync(join(cpusetRoot, "cpuset.mems")));
      writeFileSync(join(level, "cpuset.cpus"), formatCpuSet(isLeaf ? cpus : online));
    }
  };
  makeCgroup(top, online);
  return {
    hostFs: nodeHostFs(),
    lock: fileLock(join(dir, "lock")),
    cgroupRoot: "/sys/fs/cgroup",
    runDir: join(dir, "run"),
    kubeletState: join(dir, "cpu_manager_state"),
    top,
    // All of them: two pods own CPUs at once where there are two.
    pinnable: online,
    online: () => online,
    hotplug: undefined, // the machine is not the tests' own
    shared: () => online,
    makeCgroup,
    cpusOf: (cgroup) => parseCpuSet(readFileSync(join(cpusetRoot, cgroup, "cpuset.cpus"), "utf8")),
    removeCgroup: (cgroup) => {
      removeCgroup(join(cpusetRoot, cgroup));
    },
    ...realProcesses((cgroup) => join(cpusetRoot, cgroup, "tasks")),
    reboot: undefined,
    unbalanced: () => parseCpuSet(isolatedCpus()),
    killedPartitions: () => [],
    settings,
    close: () => {
      removeCgroup(join(cpusetRoot, PARENT));
      rmSync(dir, { recursive: true });
    },
  };
}
