import { cpuSet, type CpuSet } from "../../common/cpuset.ts";

/**
 * The CPUs that have no sched domain: a `cpuN` line of /proc/schedstat with no `domainM` line after it
 * (Documentation/scheduler/sched-stats.rst). No domain is no load balancing.
 */
export function cpusWithoutDomain(schedstat: string): CpuSet {
  const without = new Set<number>();
  let current: number | undefined;
  for (const line of schedstat.split("\n")) {
    const cpu = /^cpu(\d+) /.exec(line)?.[1];
    if (cpu !== undefined) {
      current = Number(cpu);
      without.add(current);
    } else if (line.startsWith("domain") && current !== undefined) {
      without.delete(current);
    }
  }
  return cpuSet(without);
}
