import { minus, parseCpuSet, sameCpus, union, type CpuSet } from "../../common/cpuset.ts";
import type { Lab } from "../lab/lab.ts";
import { cpusWithoutDomain } from "./schedstat.ts";

/** What the node's kernel itself says about load balancing, read past the agent. */
export interface KernelView {
  /** CPUs that the kernel does not balance. */
  isolated: CpuSet;
  /** Where that was read, for a person. */
  source: string;
}

const V1 = "/sys/fs/cgroup/cpuset";

/** Reads the kernel's own answer: sched domains and partitions with cgroup v2, the cpuset flags with v1. */
export async function kernelView(lab: Lab): Promise<KernelView> {
  const v1 =
    (await onNode(lab, `[ -e ${V1}/cpuset.sched_load_balance ] && echo v1 || echo v2`)).trim() === "v1";
  return v1 ? flags(lab) : domains(lab);
}

async function domains(lab: Lab): Promise<KernelView> {
  const partitions = parseCpuSet(await onNode(lab, "cat /sys/fs/cgroup/cpuset.cpus.isolated"));
  const schedstat = await onNode(lab, "cat /proc/schedstat 2>/dev/null || true");
  if (schedstat === "") return { isolated: partitions, source: "cpuset.cpus.isolated" };
  const domainless = cpusWithoutDomain(schedstat);
  if (!sameCpus(domainless, partitions)) {
    throw new Error(
      `/proc/schedstat says ${domainless.join()}, cpuset.cpus.isolated says ${partitions.join()}`,
    );
  }
  return { isolated: partitions, source: "/proc/schedstat without domain, and cpuset.cpus.isolated" };
}

async function flags(lab: Lab): Promise<KernelView> {
  const script = `find ${V1} -type d | while read -r d; do
    echo "$(cat "$d/cpuset.sched_load_balance") $(cat "$d/cpuset.cpus")"
  done 2>/dev/null`;
  const online = parseCpuSet(await onNode(lab, "cat /sys/devices/system/cpu/online"));
  const balanced = (await onNode(lab, script))
    .split("\n")
    .map((line) => line.split(" "))
    .filter(([flag]) => flag === "1")
    .map(([, cpus]) => parseCpuSet(cpus ?? ""));
  return { isolated: minus(online, union(...balanced)), source: "cpuset.sched_load_balance of all cpusets" };
}

/** A shell line on the node that must succeed. */
export async function onNode(lab: Lab, command: string): Promise<string> {
  const { code, stdout, stderr } = await lab.node(command);
  if (code !== 0)
    throw new Error(`on the node: ${command.slice(0, 120)}: ${stderr || stdout || `exit ${code}`}`);
  return stdout;
}
