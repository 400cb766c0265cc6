import { onNode } from "../demo/kernel.ts";
import { until } from "../demo/wait.ts";
import type { Lab } from "../lab/lab.ts";

/**
 * Restarts the kubelet and waits until it has had the container of this process updated, which its CPU manager does once
 * after each start: the moment at which the isolation could be taken away. No metric of the kubelet tells that; the
 * low-level runtime writes its state of the container anew.
 */
export async function restartKubelet(lab: Lab, pid: number): Promise<void> {
  const before = await runtimeState(lab, pid);
  await lab.restartService("kubelet");
  await until("the kubelet's update of the container", 90, async () => {
    const now = await runtimeState(lab, pid);
    return now === before ? { not: now } : { value: undefined };
  });
}

/** Where the low-level runtime has its state of a container, and when it wrote it. */
async function runtimeState(lab: Lab, pid: number): Promise<string> {
  const found = await onNode(
    lab,
    `id=$(grep -o '[0-9a-f]\\{64\\}' /proc/${pid}/cgroup | head -1)
    find /run ${lab.stateDir} -xdev -path "*/$id/state.json" -printf '%p %T@\\n' 2>/dev/null; true`,
  );
  if (found === "") throw new Error(`the low-level runtime has no state.json of process ${pid}`);
  return found.trim();
}
