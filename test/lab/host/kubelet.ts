import type { HostLayout } from "./layout.ts";
import { NODE_ADDRESS, NODE_NAME, POD_CIDR } from "./layout.ts";

export interface KubeletSettings {
  layout: HostLayout;
  /** TCP port on the node's address. */
  port: number;
  clientCa: string;
  /** The kubelet's own serving certificate: the API server checks it for logs and exec. */
  certificate: string;
  key: string;
}

/**
 * The kubelet's configuration. 100m are kept for the system: the static CPU manager needs a reserve, rounds it up to
 * CPU 0 for the shared pool, and on a machine of 2 CPUs a pinned pod still fits beside small ones.
 */
export function kubeletConfiguration({ layout, port, clientCa, certificate, key }: KubeletSettings): object {
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    address: NODE_ADDRESS,
    port,
    healthzPort: 0,
    tlsCertFile: certificate,
    tlsPrivateKeyFile: key,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: false },
      x509: { clientCAFile: clientCa },
    },
    authorization: { mode: "AlwaysAllow" },
    cgroupDriver: "cgroupfs",
    failCgroupV1: false,
    failSwapOn: false,
    cpuManagerPolicy: "static",
    cpuManagerReconcilePeriod: "2s",
    systemReserved: { cpu: "100m" },
    enforceNodeAllocatable: [],
    evictionHard: { "memory.available": "50Mi" },
    maxOpenFiles: 4096,
    containerRuntimeEndpoint: `unix://${layout.socket}`,
    podLogsDir: layout.podLogs,
    staticPodPath: layout.staticPods,
    volumePluginDir: layout.volumePlugins,
    syncFrequency: "5s",
    nodeStatusUpdateFrequency: "4s",
  };
}

/** The kubelet's flags beside its configuration. */
export function kubeletFlags(layout: HostLayout): string[] {
  return [
    `--config=${layout.kubeletConfig}`,
    `--kubeconfig=${layout.kubeletKubeconfig}`,
    `--root-dir=${layout.kubelet}`,
    `--cert-dir=${layout.kubelet}/pki`,
    `--hostname-override=${NODE_NAME}`,
    `--node-ip=${NODE_ADDRESS}`,
    "--v=2",
  ];
}

/** kube-proxy in iptables mode; it leaves the machine's conntrack limits alone. */
export function proxyConfiguration(layout: HostLayout, healthPort: number, metricsPort: number): object {
  return {
    apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
    kind: "KubeProxyConfiguration",
    mode: "iptables",
    clientConnection: { kubeconfig: layout.proxyKubeconfig },
    hostnameOverride: NODE_NAME,
    clusterCIDR: POD_CIDR,
    conntrack: { maxPerCore: 0, min: 0 },
    healthzBindAddress: `127.0.0.1:${healthPort}`,
    metricsBindAddress: `127.0.0.1:${metricsPort}`,
  };
}
