import { readFile } from "node:fs/promises";
import type { NodeContext } from "../types.ts";
import type { GuestShell } from "./shell.ts";

/** Name and addresses are part of the guest's image: qemu's user network always gives these. */
export const NODE_NAME = "lab-node";
const NODE_ADDRESS = "10.0.2.15";
/** The host's loopback as the guest reaches it. */
export const HOST_ADDRESS = "10.0.2.2";

const DIRECTORY = "/etc/kubernetes";
export const STATIC_PODS = `${DIRECTORY}/manifests`;
/** Beside the image's own configuration. */
const KUBELET_DROP_IN = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
staticPodPath: ${STATIC_PODS}
cpuManagerReconcilePeriod: 2s
`;

/** Gives a guest this cluster's credentials and the time, and starts the kubelet. */
export async function joinCluster({ pki, apiPort }: NodeContext, shell: GuestShell): Promise<void> {
  const server = `https://${HOST_ADDRESS}:${apiPort}`;
  const serving = await pki.issue({
    name: "kubelet-serving",
    commonName: NODE_NAME,
    alternativeNames: [`IP:${NODE_ADDRESS}`, `DNS:${NODE_NAME}`],
  });
  const node = { name: "kubelet", commonName: `system:node:${NODE_NAME}`, organization: "system:nodes" };
  const proxy = { name: "kube-proxy", commonName: "system:kube-proxy" };
  const files = {
    "ca.crt": await readFile(pki.ca.certificate, "utf8"),
    "kubelet.crt": await readFile(serving.certificate, "utf8"),
    "kubelet.key": await readFile(serving.key, "utf8"),
    "kubelet.kubeconfig": await pki.kubeconfig(node, server),
    "kubelet.conf.d/20-static-pods.conf": KUBELET_DROP_IN,
    "kube-proxy.kubeconfig": await pki.kubeconfig(proxy, server),
  };
  await shell.must(joinCommand(files, new Date()));
}

/** One shell line for all of it: each call costs the emulated machine a tenth of a second. */
export function joinCommand(files: Readonly<Record<string, string>>, now: Date): string {
  const writes = Object.entries(files).map(
    ([name, text]) => `echo ${Buffer.from(text).toString("base64")} | base64 -d > ${DIRECTORY}/${name}`,
  );
  const start = "systemctl start --no-block kubelet";
  return [
    "set -e",
    "umask 077",
    `mkdir -p ${STATIC_PODS}`,
    `date -s @${now.getTime() / 1000} >/dev/null`,
    ...writes,
    start,
  ].join("\n");
}
