import { Agent } from "node:https";
import { systemClock } from "../clock.ts";
import type { KubeAccess } from "./access.ts";
import { kubeApiOver } from "./http.ts";
import { inClusterEndpoint } from "./incluster.ts";
import type { KubeApi } from "./port.ts";

/** Connects to an API server. @throws SchedgateError E_KUBECONFIG where it cannot be known. */
export async function connectKube(access: KubeAccess): Promise<KubeApi> {
  const agent = new Agent({ keepAlive: true, keepAliveMsecs: 30_000, maxSockets: 32 });
  if ("inCluster" in access) return kubeApiOver(inClusterEndpoint(access.inCluster, agent, systemClock));
  // Loaded only where it is used: no pod of ours has a kubeconfig.
  const { kubeconfigEndpoint } = await import("./kubeconfig.ts");
  return kubeApiOver(kubeconfigEndpoint(access.kubeconfig, agent));
}
