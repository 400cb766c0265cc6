import type { CpuSet } from "../../../common/cpuset.ts";
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

/** A pod's process, or what holds it for the runtime, is killed by SIGKILL: its CPUs come back as well. */
export async function killed(lab: Lab, victim: "init" | "shim", pair: CpuSet, report: Report): Promise<void> {
  const name = `killed-${victim}`;
  // One CPU: it need not wait until the kubelet has cleared away the pod before it.
  await apply(lab, pod(name, pinnedPodSpec(1, { restartPolicy: "Never" }), true));
  await running(lab, namespace, name);
  const container = await pinned(lab, namespace, name);
  await agree(lab, container.cpus, report);
  const pid = victim === "init" ? container.pid : container.holder;
  await onNode(lab, `kill -9 ${pid}`);
  report.command(
    `kill -9 ${pid}   # on the node: ${victim === "init" ? "the container's init" : "its shim"}`,
  );
  await ended(lab, name, container.pid, report);
  await expectBalanced(lab, pair, report);
  await kubectl(lab, ["-n", namespace, "delete", "pod", name, "--ignore-not-found", "--now", "--wait=false"]);
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
