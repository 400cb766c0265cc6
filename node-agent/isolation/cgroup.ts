import { type CpuSet, parseCpuSet } from "../../common/cpuset.ts";
import { SchedgateError } from "../../common/errors.ts";
import { type HostFs, readIfThere } from "../host/host-fs.ts";
import type { Backend } from "./backend.ts";
import { CPUS } from "./plan-v1.ts";
import { PARTITION } from "./plan-v2.ts";
import { fileIn } from "./step.ts";

/** Where a process sits in the cpuset hierarchy, and which CPUs it may run on. */
export interface Leaf {
  /** Below the hierarchy's root, without a leading slash. */
  cgroup: string;
  cpus: CpuSet;
}

/**
 * Finds it from the kernel, not from the bundle's cgroupsPath: crun puts the container into a sub-cgroup of its own.
 * @param cgroups text of `/proc/<pid>/cgroup` as the host's cgroup namespace shows it.
 * @throws SchedgateError E_CGROUP where the process is gone, or in the root, or outside what that namespace shows.
 */
export function leafOf(
  hostFs: HostFs,
  { cpusets }: Pick<Backend, "cpusets">,
  pid: number,
  cgroups: string,
): Leaf {
  const file = `/proc/${pid}/cgroup`;
  const path = cgroupPath(cgroups, cpusets.version);
  if (path === undefined)
    throw new SchedgateError("E_CGROUP", `${file} names no cpuset: the process is gone`);
  const parts = path.split("/").filter((part) => part !== "");
  if (parts.length === 0 || parts.includes("..")) {
    throw new SchedgateError(
      "E_CGROUP",
      `${file} says "${path}": not a container's cgroup in the host's namespace`,
    );
  }
  const above = parts.map((_, index) => parts.slice(0, parts.length - index).join("/"));
  const named = cpusets.version === "v1" ? CPUS : PARTITION;
  const cgroup = above.find((dir) => hostFs.exists(`${cpusets.root}/${fileIn(dir, named)}`));
  if (cgroup === undefined)
    throw new SchedgateError("E_CGROUP", `no cgroup of /${path} has the cpuset controller`);
  // v2 leaves a list empty where the parent's holds; crun's sub-cgroup has none of its own.
  const lists = above.map((dir) =>
    parseCpuSet(readIfThere(hostFs, `${cpusets.root}/${fileIn(dir, CPUS)}`) ?? ""),
  );
  return { cgroup, cpus: lists.find((list) => list.length > 0) ?? [] };
}

/** The path in `/proc/<pid>/cgroup` (cgroups(7)): of the v2 line `0::/…`, or of the v1 line that has cpuset. */
export function cgroupPath(text: string, version: Backend["cpusets"]["version"]): string | undefined {
  for (const line of text.split("\n")) {
    const match = /^(\d+):([^:]*):(.*)$/.exec(line);
    if (match === null) continue;
    const [, number, controllers = "", path] = match;
    if (version === "v2" ? number === "0" : controllers.split(",").includes("cpuset")) return path;
  }
  return undefined;
}
