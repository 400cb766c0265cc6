import { union, type CpuSet } from "../../../common/cpuset.ts";
import type { Lab } from "../../lab/lab.ts";
import { apply, kubectl, running } from "../cluster.ts";
import { onNode } from "../kernel.ts";
import { namespace, pinnedPodSpec, pod } from "../objects.ts";
import { pinned } from "../pinned.ts";
import type { Report } from "../report.ts";
import { agree, expectBalanced } from "../signs.ts";
import { until } from "../wait.ts";

/** The pod is deleted: its CPUs come back. */
export async function deleted(lab: Lab, pair: CpuSet, report: Report): Promise<void> {
  report.command(`kubectl -n ${namespace} delete deployment engine`);
  await kubectl(lab, ["-n", namespace, "delete", "deployment", "engine"]);
  await expectBalanced(lab, pair, report);
}

export type Victim = "init" | "shim";

/**
 * Pods run at the same time, one for each victim, and one after the other loses its process, or what holds it for the
 * runtime, by SIGKILL: its CPUs come back, and those of the others stay isolated.
 */
export async function killed(
  lab: Lab,
  victims: readonly Victim[],
  pair: CpuSet,
  report: Report,
): Promise<void> {
  // One CPU each: they need not wait until the kubelet has cleared away the pod before them.
  const spec = pinnedPodSpec(1, { restartPolicy: "Never" });
  const items = victims.map((victim) => pod(nameOf(victim), spec, true));
  await apply(lab, { apiVersion: "v1", kind: "List", items });
  const containers = await Promise.all(
    victims.map(async (victim) => {
      await running(lab, namespace, nameOf(victim));
      return { victim, ...(await pinned(lab, namespace, nameOf(victim))) };
    }),
  );
  const left = (from: number): CpuSet => union(...containers.slice(from).map(({ cpus }) => cpus));
  await agree(lab, left(0), report);
  for (const [index, { victim, pid, holder }] of containers.entries()) {
    const [target, what] = victim === "init" ? [pid, "a container's init"] : [holder, "a container's shim"];
    await onNode(lab, `kill -9 ${target}`);
    report.command(`kill -9 ${target}   # on the node: ${what}`);
    await ended(lab, nameOf(victim), pid, report);
    if (index + 1 < containers.length) await agree(lab, left(index + 1), report);
  }
  await expectBalanced(lab, pair, report);
  const names = victims.map(nameOf);
  await kubectl(lab, [
    "-n",
    namespace,
    "delete",
    "pod",
    ...names,
    "--ignore-not-found",
    "--now",
    "--wait=false",
  ]);
}

function nameOf(victim: Victim): string {
  return `killed-${victim}`;
}

/** containerd ends a container whose shim died; CRI-O lets it live without its conmon, so there the pod is deleted. */
async function ended(lab: Lab, name: string, pid: number, report: Report): Promise<void> {
  const gone = async (): Promise<{ value: undefined } | { not: string }> => {
    const state = (await lab.node(`awk '/^State/{print $2}' /proc/${pid}/status`)).stdout.trim();
    return state === "" || state === "Z" ? { value: undefined } : { not: `process ${pid} in state ${state}` };
  };
  if (lab.options.runtime === "crio" && "not" in (await gone())) {
    report.note(
      "CRI-O lets a container live when its conmon dies, and it stays isolated; the pod is deleted now",
    );
    await kubectl(lab, ["-n", namespace, "delete", "pod", name, "--now", "--wait=false"]);
  }
  await until(`the container of ${name} ended`, 60, gone);
}
