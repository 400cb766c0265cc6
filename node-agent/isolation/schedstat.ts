import { type CpuSet, cpuSet } from "../../common/cpuset.ts";

/**
 * The CPUs that `/proc/schedstat` shows in a sched domain: a `cpuN` line followed by a `domain` line
 * (Documentation/scheduler/sched-stats.rst). A CPU without one is never balanced.
 */
export function cpusWithDomain(text: string): CpuSet {
  const cpus: number[] = [];
  let current = -1;
  for (const line of text.split("\n")) {
    const cpu = /^cpu(\d+) /.exec(line);
    if (cpu !== null) current = Number(cpu[1]);
    else if (/^domain\d/.test(line) && current >= 0) cpus.push(current);
  }
  return cpuSet(cpus);
}
