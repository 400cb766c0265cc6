import { type CpuSet, cpuSet, formatCpuSet, minus, parseCpuSet, union } from "../../common/cpuset.ts";
import type { HostFs } from "../../node-agent/host/host-fs.ts";
import type { Lock } from "../../node-agent/isolation/lock.ts";
import { CPUS, FLAG } from "../../node-agent/isolation/plan-v1.ts";
import { EXCLUSIVE, PARTITION } from "../../node-agent/isolation/plan-v2.ts";
import { type KernelModel, errno, isWithin, parentOf } from "./kernel.ts";
import type { Machine } from "./machine.ts";

const ONLINE = cpuSet([0, 1, 2, 3]);
const RUN = "/run/schedgate";

/** A machine whose kernel is a model, with four CPUs and its files in memory. */
export function modelMachine(makeKernel: (online: CpuSet) => KernelModel): Machine {
  let kernel = makeKernel(ONLINE);
  let online = ONLINE;
  let boot = 1;
  let lastPid = 1;
  const processes = new Map<number, string>();
  const files = new Map<string, string>();
  /** Cgroups that whoever made them gives all CPUs. */
  const wide = new Set<string>();
  const isV1 = kernel.root.endsWith("/cpuset");

  const makeCgroup = (dir: string, cpus: CpuSet): void => {
    const parts = dir.split("/");
    for (const [index] of parts.entries()) {
      const level = parts.slice(0, index + 1).join("/");
      if (!kernel.dirs().includes(level)) kernel.mkdir(level);
      else if (level !== dir) continue;
      // The kubelet leaves the levels above a container with all CPUs on v1, with an empty list on v2.
      if (level === dir || isV1) kernel.write(level, CPUS, formatCpuSet(level === dir ? cpus : online));
      if (isV1 && (level !== dir || cpus === online)) wide.add(level);
    }
  };
  const start = (): void => {
    online = ONLINE;
    wide.clear();
    makeCgroup("kubepods", online);
    makeCgroup("system.slice", online);
    if (isV1) kernel.write("system.slice", FLAG, "0");
  };
  start();
  return {
    hostFs: hostFsOf({
      kernel: () => kernel,
      files,
      proc: (path) => {
        if (path === "/proc/sys/kernel/random/boot_id") return `boot-${boot}\n`;
        if (path === "/proc/sys/kernel/osrelease") return "6.12.0\n";
        if (path === "/sys/devices/system/cpu/online") return `${formatCpuSet(online)}\n`;
        if (path === "/proc/schedstat") return schedstat(online, kernel.balanced());
        const [, pid = "", name] = /^\/proc\/(\d+)\/(stat|cgroup)$/.exec(path) ?? [];
        const cgroup = processes.get(Number(pid));
        if (cgroup === undefined) return undefined;
        if (name === "cgroup") return isV1 ? `2:cpuset:/${cgroup}\n` : `0::/${cgroup}\n`;
        return `${pid} (x) S ${"0 ".repeat(16)}1 0 ${pid} 0\n`;
      },
    }),
    lock: queue(),
    cgroupRoot: "/sys/fs/cgroup",
    runDir: RUN,
    kubeletState: "/var/lib/kubelet/cpu_manager_state",
    top: "kubepods",
    pinnable: minus(ONLINE, [0]),
    online: () => online,
    hotplug: (cpu) => {
      online = online.includes(cpu) ? minus(online, [cpu]) : union(online, [cpu]);
      kernel.setOnline(online);
      for (const dir of kernel.dirs()) if (wide.has(dir)) kernel.write(dir, CPUS, formatCpuSet(online));
    },
    // Never less than what some container isolates: cgroup v2 refuses the isolation else.
    shared: () => online,
    makeCgroup,
    cpusOf: (dir) => parseCpuSet(kernel.read(dir, CPUS)),
    removeCgroup: (dir) => {
      for (const below of kernel.dirs().reverse()) if (isWithin(below, dir)) kernel.rmdir(below);
    },
    spawn: (cgroup) => {
      lastPid += 1;
      processes.set(lastPid, cgroup);
      return lastPid;
    },
    kill: (pid) => {
      processes.delete(pid);
      return Promise.resolve();
    },
    reboot: (keepsRun) => {
      kernel = makeKernel(ONLINE);
      boot += 1;
      processes.clear();
      if (!keepsRun) for (const path of files.keys()) if (path.startsWith(`${RUN}/`)) files.delete(path);
      start();
    },
    unbalanced: () => minus(online, kernel.balanced()),
    killedPartitions: () => kernel.killed.splice(0),
    settings: () => {
      const names = isV1 ? [FLAG] : [EXCLUSIVE, PARTITION];
      const dirs = kernel.dirs().filter((dir) => isV1 || dir !== "");
      return new Map(
        dirs.flatMap((dir) => names.map((name) => [`${dir}/${name}`, kernel.read(dir, name)] as const)),
      );
    },
  };
}

// A lock as the kernel's on a file: one after the other, and it is free when its holder is over, however it ended.
function queue(): Lock {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const turn = last.then(work);
    last = turn.catch(() => undefined);
    return turn;
  };
}

// A `cpuN` line, and for a CPU that is balanced a domain below it (sched-stats.rst).
function schedstat(online: CpuSet, balanced: CpuSet): string {
  return online.map((cpu) => `cpu${cpu} 0\n${balanced.includes(cpu) ? "domain0 MC f\n" : ""}`).join("");
}

interface Parts {
  kernel: () => KernelModel;
  files: Map<string, string>;
  proc: (path: string) => string | undefined;
}

function hostFsOf({ kernel, files, proc }: Parts): HostFs {
  const ofKernel = (path: string): string | undefined => {
    const { root } = kernel();
    return path === root ? "" : path.startsWith(`${root}/`) ? path.slice(root.length + 1) : undefined;
  };
  const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);
  const read = (path: string): string => {
    const inner = ofKernel(path);
    const text =
      inner === undefined ? (proc(path) ?? files.get(path)) : kernel().read(parentOf(inner), nameOf(inner));
    if (text === undefined) throw errno("ENOENT", path);
    return text;
  };
  const kernelDir = (path: string): string => {
    const inner = ofKernel(path);
    if (inner === undefined) throw errno("EPERM", path);
    return inner;
  };
  return {
    read,
    version: read,
    write: (path, text) => {
      const inner = kernelDir(path);
      kernel().write(parentOf(inner), nameOf(inner), text);
    },
    replace: (path, text) => {
      files.set(path, text);
    },
    list: (dir) => [...files.keys()].filter((path) => parentOf(path) === dir).map(nameOf),
    subdirectories: (dir) => {
      const inner = kernelDir(dir);
      const below = kernel()
        .dirs()
        .filter((other) => other !== "" && parentOf(other) === inner);
      return below.map(nameOf);
    },
    exists: (path) => {
      const inner = ofKernel(path);
      if (inner !== undefined && kernel().dirs().includes(inner)) return true;
      try {
        read(path);
        return true;
      } catch {
        return false;
      }
    },
    readlink: (path) => {
      throw errno("EINVAL", path);
    },
    mkdir: (dir) => {
      kernel().mkdir(kernelDir(dir));
    },
    mkdirs: () => undefined,
    rmdir: (dir) => {
      kernel().rmdir(kernelDir(dir));
    },
    remove: (path) => {
      files.delete(path);
    },
  };
}
