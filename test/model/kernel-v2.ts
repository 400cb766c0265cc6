import {
  type CpuSet,
  formatCpuSet,
  intersection,
  isSubset,
  minus,
  noCpus,
  parseCpuSet,
  union,
} from "../../common/cpuset.ts";
import { CPUS } from "../../node-agent/isolation/plan-v1.ts";
import { EXCLUSIVE, PARTITION } from "../../node-agent/isolation/plan-v2.ts";
import { type KernelModel, Tree, errno, isWithin, parentOf } from "./kernel.ts";

interface Cpuset {
  cpus: CpuSet;
  exclusive: CpuSet;
  partition: string;
}

const INVALID = "isolated invalid (Parent is not a partition root)";
const WITHOUT_CPU = "isolated invalid (No cpu available due to hotplug)";

/** cgroup v2's remote partitions, kernel 6.11 and later (cgroup-v2.rst, and as seen on 6.12). */
export function kernelV2(all: CpuSet): KernelModel {
  let online = all;
  const none = (): Cpuset => ({ cpus: noCpus, exclusive: noCpus, partition: "member" });
  const tree = new Tree<Cpuset>(none(), none);
  const killed: string[] = [];

  // It needs a CPU that runs, and every ancestor's list must hold what it takes; the root needs none.
  const isValid = (leaf: string): boolean => {
    const own = tree.at(leaf).exclusive;
    const above = [...tree.nodes].filter(([dir]) => dir !== "" && dir !== leaf && isWithin(leaf, dir));
    return (
      intersection(own, online).length > 0 && above.every(([, { exclusive }]) => isSubset(own, exclusive))
    );
  };
  const isolated = (): CpuSet =>
    union(
      ...[...tree.nodes.values()]
        .filter(({ partition }) => partition === "isolated")
        .map(({ exclusive }) => exclusive),
    );
  const setExclusive = (dir: string, cpus: CpuSet): void => {
    for (const sibling of tree.childrenOf(parentOf(dir)).filter((other) => other !== dir)) {
      const { exclusive, cpus: theirs } = tree.at(sibling);
      if (intersection(exclusive, cpus).length > 0) throw errno("EINVAL", `${dir} overlaps ${sibling}`);
      if (theirs.length > 0 && isSubset(theirs, cpus)) throw errno("EINVAL", `${dir} would empty ${sibling}`);
    }
    tree.at(dir).exclusive = cpus;
    for (const [leaf, cpuset] of tree.nodes) {
      if (cpuset.partition !== "isolated" || isValid(leaf)) continue;
      cpuset.partition = INVALID;
      killed.push(leaf);
    }
  };
  // Writing the state that it was asked for already does nothing: an invalid partition stays invalid.
  const setPartition = (dir: string, state: string): void => {
    const cpuset = tree.at(dir);
    if (state === "member") cpuset.partition = "member";
    else if (cpuset.partition === "member") cpuset.partition = isValid(dir) ? "isolated" : INVALID;
  };
  return {
    root: "/sys/fs/cgroup",
    killed,
    read: (dir, name) => {
      const { cpus, exclusive, partition } = tree.at(dir);
      if (dir === "") {
        if (name === "cgroup.controllers") return "cpuset cpu\n";
        if (name === "cpuset.cpus.isolated") return `${formatCpuSet(isolated())}\n`;
        throw errno("ENOENT", name);
      }
      if (name === CPUS) return `${formatCpuSet(cpus)}\n`;
      if (name === EXCLUSIVE || name === `${EXCLUSIVE}.effective`) return `${formatCpuSet(exclusive)}\n`;
      if (name === PARTITION) return `${partition}\n`;
      throw errno("ENOENT", `${dir}/${name}`);
    },
    write: (dir, name, text) => {
      if (dir === "") throw errno("ENOENT", name);
      if (name === EXCLUSIVE) setExclusive(dir, parseCpuSet(text));
      else if (name === PARTITION) setPartition(dir, text.trim());
      else if (name === CPUS) tree.at(dir).cpus = parseCpuSet(text);
      else throw errno("ENOENT", `${dir}/${name}`);
    },
    mkdir: (dir) => {
      tree.mkdir(dir);
    },
    // A partition ends with its cgroup and its CPUs are balanced again; the ancestors keep their lists.
    rmdir: (dir) => {
      tree.rmdir(dir);
    },
    dirs: () => [...tree.nodes.keys()],
    // A partition keeps CPUs that are offline, but not without any that runs; it does not come back with them.
    setOnline: (cpus) => {
      online = cpus;
      for (const [leaf, cpuset] of tree.nodes)
        if (cpuset.partition === "isolated" && !isValid(leaf)) cpuset.partition = WITHOUT_CPU;
    },
    balanced: () => minus(online, isolated()),
  };
}
