import { formatCpuSet, minus, parseCpuSet, sameCpus, union, type CpuSet } from "../../common/cpuset.ts";
import type { Lab } from "../lab/lab.ts";
import { cpusWithoutDomain } from "./schedstat.ts";

/** What the node's kernel itself says about load balancing, read past the agent. */
export interface KernelView {
  /** CPUs that the kernel does not balance. */
  isolated: CpuSet;
  /** Where that was read, for a person. */
  source: string;
  /** Two of its answers differ: it is about to change, or wrong. */
  disagreement?: string;
}

const V1 = "/sys/fs/cgroup/cpuset";

/** Reads the kernel's own answer: sched domains and partitions with cgroup v2, the cpuset flags with v1. */
export async function kernelView(lab: Lab): Promise<KernelView> {
  const v1 =
    (await onNode(lab, `[ -e ${V1}/cpuset.sched_load_balance ] && echo v1 || echo v2`)).trim() === "v1";
  return v1 ? flags(lab) : domains(lab);
}

async function domains(lab: Lab): Promise<KernelView> {
  // One command, so that little can happen between the two readings.
  const both = await onNode(
    lab,
    "cat /sys/fs/cgroup/cpuset.cpus.isolated; cat /proc/schedstat 2>/dev/null || true",
  );
  const end = both.indexOf("\n");
  const isolated = parseCpuSet(both.slice(0, end));
  const schedstat = both.slice(end + 1);
  if (schedstat === "") return { isolated, source: "cpuset.cpus.isolated" };
  const domainless = cpusWithoutDomain(schedstat);
  const source = "/proc/schedstat without domain, and cpuset.cpus.isolated";
  if (sameCpus(domainless, isolated)) return { isolated, source };
  const said = `/proc/schedstat says "${formatCpuSet(domainless)}", cpuset.cpus.isolated "${formatCpuSet(isolated)}"`;
  return { isolated, source, disagreement: said };
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
