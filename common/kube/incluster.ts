import { readFileSync } from "node:fs";
import { isIPv6 } from "node:net";
import type { Agent } from "node:https";
import type { Clock } from "../clock.ts";
import { messageOf, SchedgateError } from "../errors.ts";
import type { ServiceAddress } from "./access.ts";
import type { Endpoint } from "./http.ts";

/** Where the kubelet puts what a pod needs to call the API server. */
const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

/** The kubelet renews a token after 80 % of its hour; client-go too reads it again once a minute. */
const REREAD_MS = 60_000;

/**
 * The API server of the cluster this process runs in, called as the pod's service account.
 * client-node's own is not used: with it comes a megabyte of generated code, half of each program's start.
 * @throws SchedgateError E_KUBECONFIG where this is no pod.
 */
export function inClusterEndpoint(
  { host, port = "443" }: ServiceAddress,
  agent: Agent,
  clock: Pick<Clock, "now">,
  dir = SERVICE_ACCOUNT,
): Endpoint {
  if (host === undefined || host === "") {
    throw new SchedgateError(
      "E_KUBECONFIG",
      "KUBERNETES_SERVICE_HOST is not set: outside a pod, let KUBECONFIG name a kubeconfig file",
    );
  }
  let credentials = read(dir);
  let readAt = clock.now().getTime();
  return {
    server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    options: () => {
      if (clock.now().getTime() - readAt > REREAD_MS) {
        credentials = read(dir);
        readAt = clock.now().getTime();
      }
      const { ca, token } = credentials;
      return Promise.resolve({ agent, ca, headers: { Authorization: `Bearer ${token}` } });
    },
  };
}

function read(dir: string): { ca: string; token: string } {
  try {
    return {
      ca: readFileSync(`${dir}/ca.crt`, "utf8"),
      token: readFileSync(`${dir}/token`, "utf8").trim(),
    };
  } catch (error) {
    throw new SchedgateError(
      "E_KUBECONFIG",
      `the pod's service account cannot be read: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
}
