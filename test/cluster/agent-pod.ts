import { kubectl } from "../demo/cluster.ts";
import { onNode } from "../demo/kernel.ts";
import { until } from "../demo/wait.ts";
import type { Lab } from "../lab/lab.ts";
import { pidsOf } from "./processes.ts";

const system = "schedgate-system";
const LABEL = "app.kubernetes.io/name=schedgate-node-agent";

/** When the agent last told the cluster that it looked at the kernel. */
function verifiedAt(lab: Lab): Promise<string> {
  return kubectl(lab, ["get", "nodeisolations", "-o", "jsonpath={.items[0].status.proof.verifiedAt}"]);
}

/** Waits until an agent that did not run before `work` has looked at the kernel and told the cluster. */
export async function agentBack(lab: Lab, work: () => Promise<void>): Promise<void> {
  const before = await verifiedAt(lab);
  await work();
  // An agent of before may write once more; one that is ready is the new one, and a new one writes at once.
  await until("node agent back", 240, async () => {
    const path = "jsonpath={.items[*].status.containerStatuses[0].ready}";
    const ready = await kubectl(lab, ["-n", system, "get", "pods", "-l", LABEL, "-o", path]);
    const now = await verifiedAt(lab);
    return ready === "true" && now !== before
      ? { value: undefined }
      : { not: `ready ${ready}, looked at ${now}` };
  });
}

/** Deletes the agent's pod; its DaemonSet makes another. */
export async function deleteAgent(lab: Lab): Promise<void> {
  await kubectl(lab, ["-n", system, "delete", "pod", "-l", LABEL, "--timeout=240s"]);
}

/** Kills the agent's process on the node; its kubelet starts another. */
export async function killAgent(lab: Lab): Promise<void> {
  const [pid, ...more] = await pidsOf(lab, "/app/agent.mjs");
  if (pid === undefined || more.length > 0) throw new Error(`agents on the node: ${pid} ${more.join(" ")}`);
  await onNode(lab, `kill -9 ${pid}`);
}
