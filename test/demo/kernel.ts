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

// One command, so that little can happen between two readings; each one costs an emulated machine a tenth of a second.
const READ = `if [ -e ${V1}/cpuset.sched_load_balance ]; then
    echo v1; cat /sys/devices/system/cpu/online
    find ${V1} -type d | while read -r d; do
      echo "$(cat "$d/cpuset.sched_load_balance") $(cat "$d/cpuset.cpus")"
    done 2>/dev/null
  else
    echo v2; cat /sys/fs/cgroup/cpuset.cpus.isolated; cat /proc/schedstat 2>/dev/null || true
  fi`;

/** Reads the kernel's own answer: sched domains and partitions with cgroup v2, the cpuset flags with v1. */
export async function kernelView(lab: Pick<Lab, "node">): Promise<KernelView> {
  const [version, first = "", ...rest] = (await onNode(lab, READ)).split("\n");
  return version === "v1" ? flags(parseCpuSet(first), rest) : domains(parseCpuSet(first), rest.join("\n"));
}

function domains(isolated: CpuSet, schedstat: string): KernelView {
  if (schedstat === "") return { isolated, source: "cpuset.cpus.isolated" };
  const domainless = cpusWithoutDomain(schedstat);
  const source = "/proc/schedstat without domain, and cpuset.cpus.isolated";
  if (sameCpus(domainless, isolated)) return { isolated, source };
  const said = `/proc/schedstat says "${formatCpuSet(domainless)}", cpuset.cpus.isolated "${formatCpuSet(isolated)}"`;
  return { isolated, source, disagreement: said };
}

function flags(online: CpuSet, lines: readonly string[]): KernelView {
  const balanced = lines
    .map((line) => line.split(" "))
    .filter(([flag]) => flag === "1")
    .map(([, cpus]) => parseCpuSet(cpus ?? ""));
  return { isolated: minus(online, union(...balanced)), source: "cpuset.sched_load_balance of all cpusets" };
}

/** A shell line on the node that must succeed. */
export async function onNode(lab: Pick<Lab, "node">, command: string): Promise<string> {
  const { code, stdout, stderr } = await lab.node(command);
  if (code !== 0)
    throw new Error(`on the node: ${command.slice(0, 120)}: ${stderr || stdout || `exit ${code}`}`);
  return stdout;
}
