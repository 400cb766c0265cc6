import { mkdir, writeFile } from "node:fs/promises";
import { exec, type Output } from "../exec.ts";
import { nodeBinaries } from "../gobuild.ts";
import { freePorts } from "../ports.ts";
import type { Requirement } from "../prerequisites.ts";
import { serverUrl } from "../controlplane.ts";
import { restartSupervised } from "../supervised.ts";
import type { BuildContext, LabNode, NodeContext, NodeDriver, Runtime } from "../types.ts";
import { baseImages, BASE_IMAGE_REQUIREMENTS } from "./base-images.ts";
import { cniConfiguration } from "./cni.ts";
import { containerd } from "./containerd.ts";
import { crio } from "./crio.ts";
import { kubeletConfiguration, kubeletFlags, proxyConfiguration } from "./kubelet.ts";
import { hostLayout, NODE_ADDRESS, NODE_NAME, SERVICE_CIDR } from "./layout.ts";
import { inspectMachine } from "./machine.ts";
import { addNodeAddress } from "./network.ts";
import { occupyMachine } from "./occupy.ts";
import { type HostRuntime, RUNTIME_PROCESS, type RuntimeContext } from "./runtime.ts";
import { stopNode } from "./stop.ts";

const RUNTIMES: Readonly<Record<Runtime, HostRuntime>> = { containerd, crio };

const REQUIREMENTS: readonly Requirement[] = [
  { program: "runc", package: "runc" },
  { program: "skopeo", package: "skopeo" },
  { program: "ip", package: "iproute2" },
  { program: "iptables", package: "iptables" },
  { program: "/usr/lib/cni/ptp", package: "containernetworking-plugins" },
];

type Attachment = Pick<BuildContext, "options" | "stateDir" | "processes">;

/** The machine itself as the node. */
export const hostDriver: NodeDriver = {
  requirements: ({ runtime }) => [
    ...REQUIREMENTS,
    ...BASE_IMAGE_REQUIREMENTS,
    ...RUNTIMES[runtime].requirements,
  ],
  rootFor: "--node host runs containers on this machine",
  prepare: async (context) => {
    await baseImages(context);
    await binariesOf(context);
    await RUNTIMES[context.options.runtime].prepare(context);
  },
  network: async ({ stateDir, options }) => {
    await occupyMachine(stateDir, options.runtime, options.log);
    await addNodeAddress();
    return { bindAddress: NODE_ADDRESS, serviceCidr: SERVICE_CIDR };
  },
  start: async (context) => {
    const { options, stateDir } = context;
    const layout = hostLayout(stateDir, options.runtime);
    const runtime: RuntimeContext = { layout, machine: await inspectMachine() };
    await mkdir(layout.cniConf, { recursive: true });
    await mkdir(layout.hooks, { recursive: true });
    await mkdir(layout.staticPods, { recursive: true });
    await writeFile(`${layout.cniConf}/10-lab.conflist`, JSON.stringify(cniConfiguration(layout)));
    await RUNTIMES[options.runtime].start(runtime, context);
    for (const { name, archive } of await baseImages(context)) {
      await RUNTIMES[options.runtime].loadImage(runtime, archive, name);
    }
    await startKubelet(context, runtime);
    return nodeOf(context, runtime);
  },
  attach: async (context) => {
    const layout = hostLayout(context.stateDir, context.options.runtime);
    return nodeOf(context, { layout, machine: await inspectMachine() });
  },
  stop: ({ stateDir }) => stopNode(stateDir),
};

function binariesOf({ cache, options }: BuildContext): Promise<string> {
  return nodeBinaries(cache, options.kubernetes, options.log);
}

async function startKubelet(context: NodeContext, { layout }: RuntimeContext): Promise<void> {
  const { network, apiPort, pki, processes } = context;
  const binaries = await binariesOf(context);
  const server = serverUrl(network, apiPort);
  const node = { name: "kubelet", commonName: `system:node:${NODE_NAME}`, organization: "system:nodes" };
  const proxy = { name: "kube-proxy", commonName: "system:kube-proxy" };
  await writeFile(layout.kubeletKubeconfig, await pki.kubeconfig(node, server), { mode: 0o600 });
  await writeFile(layout.proxyKubeconfig, await pki.kubeconfig(proxy, server), { mode: 0o600 });
  const serving = await pki.issue({
    name: "kubelet-serving",
    commonName: NODE_NAME,
    alternativeNames: [`IP:${NODE_ADDRESS}`, `DNS:${NODE_NAME}`],
  });
  const [port = 0] = await freePorts(1, NODE_ADDRESS);
  const [health = 0, metrics = 0] = await freePorts(2);
  const kubelet = kubeletConfiguration({ layout, port, clientCa: pki.ca.certificate, ...serving });
  await writeFile(layout.kubeletConfig, JSON.stringify(kubelet));
  await writeFile(layout.proxyConfig, JSON.stringify(proxyConfiguration(layout, health, metrics)));
  const start = (name: string, args: readonly string[]): Promise<unknown> =>
    processes.start({ name, command: `${binaries}/${name}`, args, supervised: true });
  await start("kubelet", kubeletFlags(layout));
  await start("kube-proxy", [`--config=${layout.proxyConfig}`]);
}

function nodeOf({ options, processes }: Attachment, context: RuntimeContext): LabNode {
  const { layout } = context;
  const runtime = RUNTIMES[options.runtime];
  return {
    name: NODE_NAME,
    run: (command): Promise<Output> => exec("/bin/sh", ["-c", command]),
    restartService: (service) =>
      restartSupervised(processes, service === "runtime" ? RUNTIME_PROCESS : service),
    loadImage: (archive, name) => runtime.loadImage(context, archive, name),
    agentSettings: {
      SCHEDGATE_RUNTIME_CONFIG: layout.runtimeConfig,
      SCHEDGATE_RUNTIME_SOCKET: layout.socket,
      SCHEDGATE_RUNTIME_RESTART: "signal",
      SCHEDGATE_HOOKS_DIR: layout.hooks,
      SCHEDGATE_RUNC: runtime.lowLevelRuntime(context),
      SCHEDGATE_KUBELET_STATE: `${layout.kubelet}/cpu_manager_state`,
      SCHEDGATE_CGROUP_ROOT: "/sys/fs/cgroup",
      SCHEDGATE_STATIC_PODS: layout.staticPodsAllowed,
    },
    staticPods: layout.staticPods,
    crictl: options.runtime === "crio" ? `${layout.crictl} -r unix://${layout.socket}` : undefined,
    lastLines: async () =>
      (await Promise.all([RUNTIME_PROCESS, "kubelet"].map((name) => processes.lastLines(name)))).join("\n"),
  };
}
