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
  return endpointOf(load(path), path, agent);
}

/** The same for several files, of which the first says most, and a context; and the context's namespace. */
export function chosenEndpoint(
  [first, ...others]: readonly [string, ...string[]],
  context: string | undefined,
  agent: Agent,
): { endpoint: Endpoint; namespace: string } {
  const from = [first, ...others].join(", ");
  const config = load(first);
  for (const path of others) join(config, load(path), path);
  if (context !== undefined) choose(config, context, from);
  const namespace = config.getContextObject(config.getCurrentContext())?.namespace ?? "default";
  return { endpoint: endpointOf(config, from, agent), namespace };
}

/** @throws where both name the same thing. */
function join(config: KubeConfig, more: KubeConfig, path: string): void {
  try {
    config.mergeConfig(more, config.getCurrentContext() !== "");
  } catch (error) {
    throw new SchedgateError("E_KUBECONFIG", `cannot join ${path}: ${messageOf(error)}`, { cause: error });
  }
}

function choose(config: KubeConfig, context: string, from: string): void {
  if (config.getContextObject(context) === null) {
    const known = config.getContexts().map((each) => each.name);
    throw new SchedgateError(
      "E_KUBECONFIG",
      `${from}: no context "${context}"; there are ${known.join(", ")}`,
    );
  }
  config.setCurrentContext(context);
}

function endpointOf(config: KubeConfig, from: string, agent: Agent): Endpoint {
  const cluster = config.getCurrentCluster();
  if (cluster === null || !cluster.server.startsWith("https://")) {
    throw new SchedgateError("E_KUBECONFIG", `${from}: the current context names no https:// API server`);
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
