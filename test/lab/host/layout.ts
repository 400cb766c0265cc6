import { join } from "node:path";
import type { Runtime } from "../types.ts";

export const NODE_NAME = "lab-host";

/**
 * The node's address, put on the loopback interface as a /32: pods reach any local address of the machine, and no
 * link, module or route of the machine has to change. 127.0.0.1 would not do: it is another one inside of a pod.
 */
export const NODE_ADDRESS = "10.213.255.1";
/** Marks the address as the lab's in `ip addr`. */
export const ADDRESS_LABEL = "lo:schedgate";
export const POD_CIDR = "10.213.0.0/24";
/** What host-local takes for the host's end of each pod's link. */
export const POD_GATEWAY = "10.213.0.1";
export const SERVICE_CIDR = "10.214.0.0/16";
export const CNI_NETWORK = "schedgate-lab";

/** Every path of the node: all of them below the lab's state directory, so that one check tells what is ours. */
export interface HostLayout {
  root: string;
  kubelet: string;
  kubeletConfig: string;
  kubeletKubeconfig: string;
  staticPods: string;
  /** The node agent's list of static pods that may have isolation. */
  staticPodsAllowed: string;
  proxyConfig: string;
  proxyKubeconfig: string;
  podLogs: string;
  volumePlugins: string;
  cniConf: string;
  cniState: string;
  hooks: string;
  /** The runtime's gRPC socket. */
  socket: string;
  /** The command for that socket, beside CRI-O. */
  crictl: string;
  /** containerd: config.toml; CRI-O: the directory of its drop-ins. The product's installer writes there. */
  runtimeConfig: string;
  /** Storage, state and everything else of the runtime. */
  runtimeData: string;
  /** The script in front of runc, where the machine needs it. */
  lowLevelRuntime: string;
}

/** The paths of a node whose lab keeps its state in `stateDir`. */
export function hostLayout(stateDir: string, runtime: Runtime): HostLayout {
  const root = join(stateDir, "node");
  return {
    root,
    kubelet: join(root, "kubelet"),
    kubeletConfig: join(root, "kubelet.json"),
    kubeletKubeconfig: join(root, "kubelet.kubeconfig"),
    staticPods: join(root, "static-pods"),
    staticPodsAllowed: join(root, "static-pods-allowed"),
    proxyConfig: join(root, "kube-proxy.json"),
    proxyKubeconfig: join(root, "kube-proxy.kubeconfig"),
    podLogs: join(root, "pod-logs"),
    volumePlugins: join(root, "volume-plugins"),
    cniConf: join(root, "cni", "net.d"),
    cniState: join(root, "cni", "state"),
    hooks: join(root, "hooks.d"),
    socket: join(root, `${runtime}.sock`),
    crictl: join(root, "crictl"),
    runtimeConfig: join(root, runtime, runtime === "containerd" ? "config.toml" : "crio.conf.d"),
    runtimeData: join(root, runtime),
    lowLevelRuntime: join(root, "lab-runc"),
  };
}
