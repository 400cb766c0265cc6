import { Agent } from "node:https";
import { KubeConfig } from "@kubernetes/client-node";
import { messageOf, SchedgateError } from "../errors.ts";
import { kubeApiOver } from "./http.ts";
import type { CallOptions, Endpoint } from "./http.ts";
import type { KubeApi } from "./port.ts";

/**
 * The API server that a kubeconfig file names, or, without one, that of the cluster this process runs in.
 * The only file that knows @kubernetes/client-node: it is used for kubeconfig, TLS and tokens (re-read when they
 * change), and for nothing else, because its watches and informers end or sleep in ways that we must not.
 * @throws SchedgateError E_KUBECONFIG where the file cannot be used.
 */
export function connectKube(kubeconfig?: string): KubeApi {
  return kubeApiOver(endpointOf(load(kubeconfig), kubeconfig ?? "the service account of this pod"));
}

function load(kubeconfig: string | undefined): KubeConfig {
  const config = new KubeConfig();
  try {
    if (kubeconfig === undefined) config.loadFromCluster();
    else config.loadFromFile(kubeconfig);
  } catch (error) {
    const from = kubeconfig ?? "the service account of this pod";
    throw new SchedgateError("E_KUBECONFIG", `cannot read ${from}: ${messageOf(error)}`, { cause: error });
  }
  return config;
}

function endpointOf(config: KubeConfig, from: string): Endpoint {
  const cluster = config.getCurrentCluster();
  if (cluster === null || !cluster.server.startsWith("https://")) {
    throw new SchedgateError("E_KUBECONFIG", `${from}: the current context names no https:// API server`);
  }
  const agent = new Agent({ keepAlive: true, keepAliveMsecs: 30_000, maxSockets: 32 });
  return {
    server: cluster.server.replace(/\/+$/, ""),
    async options(): Promise<CallOptions> {
      const options: CallOptions = {};
      await config.applyToHTTPSOptions(options);
      // Its agent does not keep connections; keep it only where it is the way through a proxy.
      return cluster.proxyUrl === undefined ? { ...options, agent } : options;
    },
  };
}
