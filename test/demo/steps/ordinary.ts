import { formatCpuSet, intersection, type CpuSet } from "../../../common/cpuset.ts";
import type { Lab } from "../../lab/lab.ts";
import { apply, kubectl, reviews, running } from "../cluster.ts";
import { namespace, ordinaryPod, ordinaryPodSpec, pod } from "../objects.ts";
import { pinned } from "../pinned.ts";
import type { Report } from "../report.ts";
import { until } from "../wait.ts";

/** A pod that asks for nothing is created, and the webhook never hears of it. */
export async function createUnseen(lab: Lab, report: Report): Promise<void> {
  await unseen(lab, () => apply(lab, pod(ordinaryPod, ordinaryPodSpec)));
  report.holds(
    `pod ${ordinaryPod} asks for nothing and is created; the webhook's request counter did not move`,
  );
}

/** It runs on beside the isolated one, on the other CPUs, and the webhook has still not heard of it. */
export async function ordinary(lab: Lab, isolated: CpuSet, report: Report): Promise<void> {
  await running(lab, namespace, ordinaryPod);
  const seen = await unseen(lab, () =>
    kubectl(lab, ["-n", namespace, "label", "pod", ordinaryPod, "tier=front"]),
  );
  // The kubelet moves running containers off newly pinned CPUs once in its reconcile period.
  const cpus = await until(`pod ${ordinaryPod} off the isolated CPUs`, 30, async () => {
    const seen = (await pinned(lab, namespace, ordinaryPod)).cpus;
    return intersection(seen, isolated).length === 0 ? { value: seen } : { not: formatCpuSet(seen) };
  });
  report.holds(
    `pod ${ordinaryPod} runs beside it on CPUs ${formatCpuSet(cpus)}; it was labelled, and the request counter stayed at ${seen}`,
  );
}

/** Fails where the webhook answers a review meanwhile. Returns its request counter. */
async function unseen(lab: Lab, work: () => Promise<unknown>): Promise<number> {
  const before = await reviews(lab);
  await work();
  const after = await reviews(lab);
  if (after !== before) throw new Error(`the webhook answered ${after - before} reviews for an ordinary pod`);
  return after;
}
