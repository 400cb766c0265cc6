import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SchedgateError } from "../../common/errors.ts";
import { createServiceAccountKey } from "./pki.ts";
import { freePorts } from "./ports.ts";
import type { Processes } from "./processes.ts";
import type { ClusterNetwork, NodeContext } from "./types.ts";
import { waitFor } from "./wait.ts";

/** Where the machine itself reaches the API server. */
export function serverUrl(network: ClusterNetwork, port: number): string {
  return `https://${network.bindAddress}:${port}`;
}

/** Starts etcd, API server, controller manager and scheduler; returns when the API server answers. */
export async function startControlPlane(context: NodeContext): Promise<void> {
  const { processes, kubernetes } = context;
  const etcdUrl = await startEtcd(context);
  const flags = await apiServerFlags(context, etcdUrl);
  await processes.start({ name: "kube-apiserver", command: join(kubernetes, "kube-apiserver"), args: flags });
  await answers(context, "/readyz", "kube-apiserver");
  await startClients(context);
}

/** Waits until pods can be made in the namespace default: until the controller manager gave it its service account. */
export async function podsPossible({ processes, kubectl, options: { signal } }: NodeContext): Promise<void> {
  await waitFor({ what: "service account in the namespace default", timeoutMs: 60_000, signal }, async () => {
    const { code } = await kubectl(["get", "serviceaccount", "default", "-o", "name"]);
    if (code === 0) return true;
    await stillRuns(processes, "kube-controller-manager");
    return undefined;
  });
}

async function startEtcd({ stateDir, kubernetes, processes }: NodeContext): Promise<string> {
  const [client = 0, peer = 0] = await freePorts(2);
  const url = `http://127.0.0.1:${client}`;
  const peerUrl = `http://127.0.0.1:${peer}`;
  await processes.start({
    name: "etcd",
    command: join(kubernetes, "etcd"),
    args: [
      ...["--name=lab", `--data-dir=${join(stateDir, "etcd")}`, "--unsafe-no-fsync", "--log-level=warn"],
      ...[`--listen-client-urls=${url}`, `--advertise-client-urls=${url}`],
      ...[`--listen-peer-urls=${peerUrl}`, `--initial-advertise-peer-urls=${peerUrl}`],
      `--initial-cluster=lab=${peerUrl}`,
    ],
  });
  return url;
}

async function apiServerFlags(context: NodeContext, etcdUrl: string): Promise<string[]> {
  const { pki, network, apiPort, stateDir } = context;
  const advertised = network.advertiseAddress ?? network.bindAddress;
  const serviceAddress = firstAddress(network.serviceCidr);
  const addresses = [...new Set([network.bindAddress, advertised, "127.0.0.1", serviceAddress])];
  const names = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];
  const serving = await pki.issue({
    name: "apiserver",
    commonName: "kube-apiserver",
    alternativeNames: [...addresses.map((each) => `IP:${each}`), ...names.map((each) => `DNS:${each}`)],
  });
  const kubelet = await pki.issue({
    name: "apiserver-kubelet",
    commonName: "kube-apiserver",
    organization: "system:masters",
  });
  const accountKey = join(pki.directory, "service-account.key");
  await createServiceAccountKey(accountKey);
  return [
    ...[`--etcd-servers=${etcdUrl}`, `--bind-address=${network.bindAddress}`, `--secure-port=${apiPort}`],
    ...[`--advertise-address=${advertised}`, `--service-cluster-ip-range=${network.serviceCidr}`],
    ...[
      `--client-ca-file=${pki.ca.certificate}`,
      `--tls-cert-file=${serving.certificate}`,
      `--tls-private-key-file=${serving.key}`,
    ],
    ...[`--kubelet-client-certificate=${kubelet.certificate}`, `--kubelet-client-key=${kubelet.key}`],
    ...[
      `--kubelet-certificate-authority=${pki.ca.certificate}`,
      "--kubelet-preferred-address-types=InternalIP",
    ],
    ...[`--service-account-key-file=${accountKey}`, `--service-account-signing-key-file=${accountKey}`],
    "--service-account-issuer=https://kubernetes.default.svc",
    ...[
      "--authorization-mode=Node,RBAC",
      "--enable-admission-plugins=NodeRestriction",
      "--allow-privileged=true",
    ],
    ...(network.egressSocket === undefined
      ? []
      : [`--egress-selector-config-file=${await egress(stateDir, network.egressSocket)}`]),
  ];
}

/** Sends what the API server opens towards pods, Services and kubelets through a CONNECT proxy; etcd stays direct.
 * Over TCP the API server would insist on TLS towards the proxy. */
async function egress(stateDir: string, udsName: string): Promise<string> {
  const file = join(stateDir, "egress.json");
  const connection = { proxyProtocol: "HTTPConnect", transport: { uds: { udsName } } };
  const configuration = {
    apiVersion: "apiserver.k8s.io/v1beta1",
    kind: "EgressSelectorConfiguration",
    egressSelections: [{ name: "cluster", connection }],
  };
  await writeFile(file, JSON.stringify(configuration));
  return file;
}

async function startClients({
  stateDir,
  kubernetes,
  pki,
  network,
  apiPort,
  processes,
}: NodeContext): Promise<void> {
  const server = serverUrl(network, apiPort);
  const start = async (name: string, user: string, args: readonly string[]): Promise<void> => {
    const kubeconfig = join(stateDir, `${name}.kubeconfig`);
    await writeFile(kubeconfig, await pki.kubeconfig({ name, commonName: user }, server), { mode: 0o600 });
    const common = [`--kubeconfig=${kubeconfig}`, "--leader-elect=false", "--secure-port=0"];
    await processes.start({ name, command: join(kubernetes, name), args: [...common, ...args] });
  };
  await start("kube-controller-manager", "system:kube-controller-manager", [
    `--service-account-private-key-file=${join(pki.directory, "service-account.key")}`,
    ...[`--root-ca-file=${pki.ca.certificate}`, "--use-service-account-credentials=true"],
    // Else each controller's own client waits for its turn, and the default service account comes 4 s later.
    ...["--kube-api-qps=500", "--kube-api-burst=1000"],
    // Its default, below /usr/libexec, is made at once and again whenever it is removed.
    `--flex-volume-plugin-dir=${join(stateDir, "flex-volumes")}`,
  ]);
  await start("kube-scheduler", "system:kube-scheduler", []);
}

async function answers(
  { kubectl, processes, options: { signal } }: NodeContext,
  path: string,
  name: string,
): Promise<void> {
  await waitFor({ what: `answer of ${name}`, timeoutMs: 60_000, signal }, async () => {
    if ((await kubectl(["get", "--raw", path])).code === 0) return true;
    await stillRuns(processes, name);
    return undefined;
  });
}

async function stillRuns(processes: Processes, name: string): Promise<void> {
  if (await processes.alive(name)) return;
  throw new SchedgateError("E_LAB", `${name} ended; its last lines:\n${await processes.lastLines(name)}`);
}

/** The first usable address of an IPv4 range: 10.96.0.1 of 10.96.0.0/16. The Service `kubernetes` always gets it. */
export function firstAddress(cidr: string): string {
  const [base = ""] = cidr.split("/");
  const octets = base.split(".").map(Number);
  const last = octets.pop();
  if (
    octets.length !== 3 ||
    last === undefined ||
    [...octets, last].some((each) => !(each >= 0 && each <= 255))
  ) {
    throw new SchedgateError("E_CIDR", `"${cidr}" is not an IPv4 range such as 10.96.0.0/16`);
  }
  return [...octets, last + 1].join(".");
}
