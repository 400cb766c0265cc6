import { formatCpuSet, parseCpuSet, sameCpus, type CpuSet } from "../../common/cpuset.ts";
import type { Lab } from "../lab/lab.ts";
import { kubectl } from "./cluster.ts";
import { kernelView } from "./kernel.ts";
import type { Report } from "./report.ts";
import { awaitSpread, isIsolated, measureSpread } from "./spread.ts";
import { cell } from "./table.ts";
import { until } from "./wait.ts";

/** Waits until the cluster's report and the kernel both say that exactly these CPUs are isolated, and says so. */
export async function agree(lab: Lab, cpus: CpuSet, report: Report): Promise<void> {
  const want = cpus.length === 0 ? "none" : formatCpuSet(cpus);
  const not = (seen: CpuSet): { not: string } => ({ not: formatCpuSet(seen) || "none" });
  const kernel = until(`kernel isolates ${want}`, 30, async () => {
    const seen = await kernelView(lab);
    if (seen.disagreement !== undefined) return { not: seen.disagreement };
    return sameCpus(seen.isolated, cpus) ? { value: seen } : not(seen.isolated);
  });
  const cluster = until(`nodeisolations says ${want}`, 30, async () => {
    const table = await kubectl(lab, ["get", "nodeisolations"]);
    const seen = parseCpuSet(cell(table, "ISOLATED-CPUS"));
    return sameCpus(seen, cpus) ? { value: table } : not(seen);
  });
  const [view, table] = await Promise.all([kernel, cluster]);
  report.holds(`kernel: CPUs without load balancing: ${want} (${view.source})`);
  report.command("kubectl get nodeisolations");
  report.quote(table);
  report.holds(`cluster: isolated CPUs reported: ${want}`);
}

/** The three signs of isolation. `pair` are CPUs on which two busy tasks show it; `cgroup` is entered to reach them. */
export async function expectIsolated(lab: Lab, cpus: CpuSet, pair: CpuSet, report: Report): Promise<void> {
  await agree(lab, cpus, report);
  const spread = await measureSpread(lab, pair, await partitionOf(lab, cpus));
  if (!isIsolated(spread)) throw new Error(`two busy tasks were moved apart in ${spread.apart} samples`);
  report.holds(`behaviour: two busy tasks allowed on CPUs ${formatCpuSet(pair)} stayed on one (never apart)`);
}

/** The three signs of no isolation at all. */
export async function expectBalanced(lab: Lab, pair: CpuSet, report: Report): Promise<void> {
  await agree(lab, [], report);
  await expectSpread(lab, pair, report);
}

/** The sign by behaviour alone, for when no agent is there yet. */
export async function expectSpread(lab: Lab, pair: CpuSet, report: Report): Promise<void> {
  const { apart, samples } = await awaitSpread(lab, pair);
  report.holds(
    `behaviour: two busy tasks allowed on CPUs ${formatCpuSet(pair)} spread (apart in ${apart} of ${samples} samples)`,
  );
}

/** The cgroup v2 directory that holds these CPUs as a partition, or undefined where the node has no partitions (v1). */
async function partitionOf(lab: Lab, cpus: CpuSet): Promise<string | undefined> {
  const script = `for f in $(find /sys/fs/cgroup -name cpuset.cpus.partition); do
    [ "$(cat "$f")" = isolated ] && echo "$(cat "\${f%.partition}") \${f%/*}"
  done; true`;
  const lines = (await lab.node(script)).stdout.split("\n");
  return lines.find((line) => line.startsWith(`${formatCpuSet(cpus)} `))?.split(" ")[1];
}
