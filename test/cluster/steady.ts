import { formatCpuSet, sameCpus, type CpuSet } from "../../common/cpuset.ts";
import { messageOf } from "../../common/errors.ts";
import { kubectl } from "../demo/cluster.ts";
import { kernelView } from "../demo/kernel.ts";
import { namespace } from "../demo/objects.ts";
import { pinned, type Pinned } from "../demo/pinned.ts";
import { Report } from "../demo/report.ts";
import { expectIsolated } from "../demo/signs.ts";
import type { Lab } from "../lab/lab.ts";

/** An isolated pod whose process and CPUs are to stay what they are, whatever happens around it. */
export interface Steady extends Pinned {
  lab: Lab;
  pod: string;
  /** Two CPUs on which busy tasks show whether they are balanced. */
  pair: CpuSet;
}

/** Fails unless the pod runs in the same process, and its CPUs, and no others, are shown to be out of load balancing. */
export async function expectSteady({ lab, pod, pair, pid, cpus }: Steady): Promise<void> {
  const now = await pinned(lab, namespace, pod);
  const restarts = "jsonpath={.status.phase} {.status.containerStatuses[0].restartCount}";
  const seen = await kubectl(lab, ["-n", namespace, "get", "pod", pod, "-o", restarts]);
  const is = `pid ${now.pid}, CPUs ${formatCpuSet(now.cpus)}, ${seen}`;
  const was = `pid ${pid}, CPUs ${formatCpuSet(cpus)}, Running 0`;
  if (is !== was) throw new Error(`pod ${pod}: ${is}; it was: ${was}`);
  let told = "";
  const report = new Report((text) => (told += text));
  try {
    await expectIsolated(lab, cpus, pair, report);
  } catch (error) {
    throw new Error(`${messageOf(error)}\n${told}`, { cause: error });
  }
}

/**
 * The same after `work`. With cgroup v2 the kernel, asked all the while, balances none of the CPUs and isolates no other;
 * with v1 any new cgroup has them balanced until the agent mends it.
 */
export async function expectUndisturbed(steady: Steady, work: () => Promise<void>): Promise<void> {
  const watch = new AbortController();
  const views = steady.lab.options.node === "vm" ? otherViews(steady, watch.signal) : Promise.resolve([]);
  views.catch(() => undefined); // told where it is awaited
  try {
    await work();
  } finally {
    watch.abort();
  }
  const others = await views;
  if (others.length > 0) throw new Error(`meanwhile the kernel isolated: ${others.join("; ")}`);
  await expectSteady(steady);
}

/** What the kernel isolates, as often as it can be asked, where it is not exactly these CPUs. */
async function otherViews({ lab, cpus }: Steady, end: AbortSignal): Promise<string[]> {
  const others: string[] = [];
  while (!end.aborted) {
    const { isolated, disagreement } = await kernelView(lab);
    if (disagreement !== undefined) others.push(disagreement);
    else if (!sameCpus(isolated, cpus)) others.push(formatCpuSet(isolated) || "none");
  }
  return others;
}
