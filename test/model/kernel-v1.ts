import {
  type CpuSet,
  formatCpuSet,
  intersection,
  isSubset,
  noCpus,
  parseCpuSet,
  union,
} from "../../common/cpuset.ts";
import { CPUS, FLAG } from "../../node-agent/isolation/plan-v1.ts";
import { type KernelModel, Tree, errno, parentOf } from "./kernel.ts";

interface Cpuset {
  cpus: CpuSet;
  flag: string;
}

/** cgroup v1's cpusets and the sched domains that follow from them (cpusets.rst 1.7). */
export function kernelV1(all: CpuSet): KernelModel {
  let online = all;
  // A new cpuset is balanced and has no CPUs until somebody writes them.
  const tree = new Tree<Cpuset>({ cpus: online, flag: "1" }, () => ({ cpus: noCpus, flag: "1" }));
  return {
    root: "/sys/fs/cgroup/cpuset",
    killed: [],
    read: (dir, name) => {
      const { cpus, flag } = tree.at(dir);
      if (name === CPUS) return `${formatCpuSet(cpus)}\n`;
      if (name === FLAG) return `${flag}\n`;
      throw errno("ENOENT", `${dir}/${name}`);
    },
    write: (dir, name, text) => {
      const cpuset = tree.at(dir);
      if (name === FLAG) cpuset.flag = text.trim() === "0" ? "0" : "1";
      else if (name === CPUS) {
        const cpus = parseCpuSet(text);
        const inner = tree.childrenOf(dir).map((child) => tree.at(child).cpus);
        if (dir === "" || !isSubset(cpus, tree.at(parentOf(dir)).cpus)) throw errno("EACCES", dir);
        if (!isSubset(union(...inner), cpus)) throw errno("EBUSY", dir);
        cpuset.cpus = cpus;
      } else throw errno("ENOENT", `${dir}/${name}`);
    },
    mkdir: (dir) => {
      tree.mkdir(dir);
    },
    rmdir: (dir) => {
      tree.rmdir(dir);
    },
    dirs: () => [...tree.nodes.keys()],
    // A CPU that goes leaves every list; one that comes is in the root's only.
    setOnline: (cpus) => {
      online = cpus;
      for (const cpuset of tree.nodes.values()) cpuset.cpus = intersection(cpuset.cpus, cpus);
      tree.at("").cpus = cpus;
    },
    // The root's flag makes one domain of everything; else each balanced cpuset makes one of its own CPUs.
    balanced: () => {
      if (tree.at("").flag === "1") return online;
      return union(...[...tree.nodes.values()].filter(({ flag }) => flag === "1").map(({ cpus }) => cpus));
    },
  };
}
