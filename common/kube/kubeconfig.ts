import type { Agent } from "node:https";
import { KubeConfig } from "@kubernetes/client-node";
import { messageOf, SchedgateError } from "../errors.ts";
import type { CallOptions, Endpoint } from "./http.ts";

/**
 * The API server that a kubeconfig file names.
 * The only file that knows @kubernetes/client-node: it is used for kubeconfig, TLS and logins, and for nothing else,
 * because its watches and informers end or sleep in ways that we must not.
 * @throws SchedgateError E_KUBECONFIG where the file cannot be used.
 */
export function kubeconfigEndpoint(path: string, agent: Agent): Endpoint {
  const config = load(path);
  const cluster = config.getCurrentCluster();
  if (cluster === null || !cluster.server.startsWith("https://")) {
    throw new SchedgateError("E_KUBECONFIG", `${path}: the current context names no https:// API server`);
  }
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

function load(path: string): KubeConfig {
  const config = new KubeConfig();
  try {
    config.loadFromFile(path);
  } catch (error) {
    throw new SchedgateError("E_KUBECONFIG", `cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
  return config;
}
