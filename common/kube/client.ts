import { Agent } from "node:https";
import { systemClock } from "../clock.ts";
import type { KubeAccess, ServiceAddress } from "./access.ts";
import { kubeApiOver } from "./http.ts";
import { inClusterEndpoint } from "./incluster.ts";
import type { KubeApi } from "./port.ts";

/** Connects to an API server. @throws SchedgateError E_KUBECONFIG where it cannot be known. */
export async function connectKube(access: KubeAccess): Promise<KubeApi> {
  const agent = newAgent();
  if ("inCluster" in access) return kubeApiOver(inClusterEndpoint(access.inCluster, agent, systemClock));
  // Loaded only where it is used: no pod of ours has a kubeconfig.
  const { kubeconfigEndpoint } = await import("./kubeconfig.ts");
  return kubeApiOver(kubeconfigEndpoint(access.kubeconfig, agent));
}

/** Which cluster a person means. */
export interface ClusterChoice {
  /** Files to join, the first first; none: the cluster this process runs in. */
  kubeconfigs: readonly string[];
  inCluster: ServiceAddress;
  /** In place of the current context. */
  context: string | undefined;
}

/** The API server that a person means, and the namespace of its context. @throws SchedgateError E_KUBECONFIG */
export async function connectChosen(choice: ClusterChoice): Promise<{ api: KubeApi; namespace: string }> {
  const { kubeconfigs, inCluster, context } = choice;
  const [first, ...others] = kubeconfigs;
  if (first === undefined) return { api: await connectKube({ inCluster }), namespace: "default" };
  const { chosenEndpoint } = await import("./kubeconfig.ts");
  const { endpoint, namespace } = chosenEndpoint([first, ...others], context, newAgent());
  return { api: kubeApiOver(endpoint), namespace };
}

function newAgent(): Agent {
  return new Agent({ keepAlive: true, keepAliveMsecs: 30_000, maxSockets: 32 });
}
