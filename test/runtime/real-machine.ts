import { type ChildProcess, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CpuSet, formatCpuSet, minus, parseCpuSet } from "../../common/cpuset.ts";
import { nodeHostFs } from "../../node-agent/host/host-fs.ts";
import { fileLock } from "../../node-agent/isolation/lock.ts";
import type { Machine } from "../model/machine.ts";
import { PARENT } from "./container.ts";
import { cpusetRoot, isolatedCpus, online, settings } from "./kernel.ts";

/** This machine with its cgroup v1 cpusets; the pods' cgroups are below one of the tests' own. */
export function realMachine(): Machine & { close(): void } {
  const dir = mkdtempSync(join(tmpdir(), "schedgate-history-"));
  const top = `${PARENT}/kubepods`;
  const processes = new Map<number, ChildProcess>();
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
    pinnable: minus(online, [0]),
    makeCgroup,
    removeCgroup: (cgroup) => {
      remove(join(cpusetRoot, cgroup));
    },
    spawn: (cgroup) => {
      const child = spawn("sleep", ["1000"], { stdio: "ignore" });
      const pid = child.pid ?? 0;
      processes.set(pid, child);
      writeFileSync(join(cpusetRoot, cgroup, "tasks"), String(pid));
      return pid;
    },
    kill: async (pid) => {
      const child = processes.get(pid);
      if (child === undefined || !processes.delete(pid)) return;
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await ended;
    },
    reboot: undefined,
    unbalanced: () => parseCpuSet(isolatedCpus()),
    killedPartitions: () => [],
    settings,
    close: () => {
      remove(join(cpusetRoot, PARENT));
      rmSync(dir, { recursive: true });
    },
  };
}

function remove(dir: string): void {
  if (!existsSync(dir)) return;
  const inner = readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  for (const { name } of inner) remove(join(dir, name));
  rmdirSync(dir);
}
