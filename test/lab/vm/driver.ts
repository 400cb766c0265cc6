import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { SchedgateError } from "../../../common/errors.ts";
import { CRIO_BUILD_REQUIREMENTS } from "../crio/build.ts";
import { freePorts } from "../ports.ts";
import type { Requirement } from "../prerequisites.ts";
import { readJson, writeJson } from "../state.ts";
import type { LabNode, LabOptions, NodeDriver } from "../types.ts";
import { HOST_ADDRESS, joinCluster, NODE_NAME, STATIC_PODS } from "./join.ts";
import { loadImage } from "./load.ts";
import type { VmPorts } from "./qemu.ts";
import { guestShell } from "./shell.ts";
import { guestSnapshot, startGuest } from "./snapshot.ts";

const REQUIREMENTS: readonly Requirement[] = [
  { program: "qemu-system-x86_64", package: "qemu-system-x86" },
  { program: "qemu-img", package: "qemu-utils" },
  { program: "mmdebstrap", package: "mmdebstrap" },
  { program: "dpkg-deb", package: "dpkg" },
  { program: "mke2fs", package: "e2fsprogs" },
  { program: "socat", package: "socat" },
  { program: "cpio", package: "cpio" },
  { program: "xz", package: "xz-utils" },
  { program: "zstd", package: "zstd" },
];

/** Services work when kube-proxy says so for the first time. */
const START_PROXY =
  "systemctl start --no-block kube-proxy; " +
  "until busybox wget -q -O /dev/null http://127.0.0.1:10256/healthz 2>/dev/null; do sleep 0.3; done";

/** A node in a VM of its own: Debian, systemd, cgroup v2, kernel 6.12. Nothing on this machine is changed. */
export const vmDriver: NodeDriver = {
  requirements: ({ runtime }) =>
    runtime === "crio" ? [...REQUIREMENTS, ...CRIO_BUILD_REQUIREMENTS] : [...REQUIREMENTS],
  rootFor: "--node vm builds a Debian disk with chroot",
  prepare: async (context) => {
    await guestSnapshot(context);
  },
  network: async ({ stateDir }) => {
    const [shell = 0, proxy = 0] = await freePorts(2);
    await writeJson(portsFile(stateDir), { shell, proxy });
    return {
      bindAddress: "127.0.0.1",
      advertiseAddress: HOST_ADDRESS,
      serviceCidr: "10.96.0.0/16",
      egressSocket: egressSocket(stateDir),
    };
  },
  boot: async (context) => {
    const { stateDir, options, processes } = context;
    const ports = await readPorts(stateDir);
    const { image, directory: restore } = await guestSnapshot(context);
    const directory = vmDirectory(stateDir);
    await mkdir(directory, { recursive: true });
    await startGuest({ directory, image, ports, restore }, processes, options.signal);
    await guestShell(ports.shell).wait(60_000, options.signal);
    await processes.start({
      name: "egress",
      command: "socat",
      args: [`UNIX-LISTEN:${egressSocket(stateDir)},fork,mode=600`, `TCP:127.0.0.1:${ports.proxy}`],
    });
  },
  start: async (context) => {
    const ports = await readPorts(context.stateDir);
    await joinCluster(context, guestShell(ports.shell));
    return nodeOf(context.stateDir, context.options, ports);
  },
  settle: async ({ stateDir }) => {
    await guestShell((await readPorts(stateDir)).shell).must(START_PROXY, 90_000);
  },
  attach: async ({ stateDir, options }) => nodeOf(stateDir, options, await readPorts(stateDir)),
  stop: async ({ processes }) => ((await processes.end("vm")) ? ["the VM"] : []),
};

function vmDirectory(stateDir: string): string {
  return join(stateDir, "vm");
}

/** The API server reaches a proxy without TLS by a unix socket only; socat carries it to the guest's forwarded port. */
function egressSocket(stateDir: string): string {
  return join(stateDir, "egress.sock");
}

function portsFile(stateDir: string): string {
  return join(stateDir, "vm-ports.json");
}

async function readPorts(stateDir: string): Promise<VmPorts> {
  const ports = await readJson<VmPorts>(portsFile(stateDir));
  if (ports === undefined)
    throw new SchedgateError("E_LAB", `${portsFile(stateDir)} is missing: run down, then up`);
  return ports;
}

function nodeOf(stateDir: string, { runtime }: LabOptions, ports: VmPorts): LabNode {
  const shell = guestShell(ports.shell);
  return {
    name: NODE_NAME,
    run: (command) => shell.run(command),
    restartService: async (service) => {
      await shell.must(`systemctl restart ${service === "runtime" ? runtime : service}`);
    },
    loadImage: (archive, name) =>
      loadImage({ directory: vmDirectory(stateDir), runtime, shell }, archive, name),
    // The product's own defaults are those of such a node.
    agentSettings: {},
    staticPods: STATIC_PODS,
    crictl: runtime === "crio" ? "crictl -r unix:///run/crio/crio.sock" : undefined,
    lastLines: async () => {
      const units = ["kubelet", "kube-proxy", runtime].map((unit) => `-u ${unit}`).join(" ");
      return (await shell.run(`journalctl --no-pager -o cat -n 40 ${units}`)).stdout;
    },
  };
}
