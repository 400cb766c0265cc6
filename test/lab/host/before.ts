import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isRootPrivate } from "./propagation.ts";

/** What a node changes on its machine and has to put back. */
export interface Before {
  /** Content of kernel settings by path below /proc/sys. */
  sysctls: Record<string, string>;
  /** The root's cpuset.sched_load_balance (v1): what the product changes, and leaves so when it is killed. */
  loadBalance?: string;
  /** The root mount passed no mounts on. */
  rootPrivate: boolean;
  /** Paths outside of the lab's own that were not there. */
  absent: string[];
}

/** Written by kubelet, kube-proxy and the CNI plugin. */
const SYSCTLS = [
  "kernel/keys/root_maxbytes",
  "kernel/keys/root_maxkeys",
  "kernel/panic",
  "kernel/panic_on_oops",
  "net/bridge/bridge-nf-call-ip6tables",
  "net/bridge/bridge-nf-call-iptables",
  "net/ipv4/conf/all/route_localnet",
  "net/ipv4/ip_forward",
  "net/netfilter/nf_conntrack_tcp_be_liberal",
  "net/netfilter/nf_conntrack_tcp_timeout_close_wait",
  "net/netfilter/nf_conntrack_tcp_timeout_established",
  "vm/overcommit_memory",
  "vm/panic_on_oom",
] as const;

/** Directories that kubelet, runtimes and CNI make at fixed places, deepest first; then the product's. */
const OUTSIDE = [
  "/var/log/containers",
  "/var/lib/cni/results",
  "/var/lib/cni",
  "/var/lib/kubelet/device-plugins",
  "/var/lib/kubelet",
  "/run/containerd/s",
  "/run/containerd/runc/k8s.io",
  "/run/containerd/runc",
  "/run/containerd",
  "/etc/crio/auth",
  "/etc/crio",
  "/var/lib/containers/cache",
  "/var/lib/containers",
  "/opt/schedgate",
  "/run/schedgate",
] as const;

const LOAD_BALANCE = "/sys/fs/cgroup/cpuset/cpuset.sched_load_balance";

/** Records the machine as it is now. */
export async function recordBefore(): Promise<Before> {
  const sysctls: Record<string, string> = {};
  for (const name of SYSCTLS) {
    const path = join("/proc/sys", name);
    if (existsSync(path)) sysctls[name] = (await readFile(path, "utf8")).trim();
  }
  return {
    sysctls,
    ...(existsSync(LOAD_BALANCE) ? { loadBalance: (await readFile(LOAD_BALANCE, "utf8")).trim() } : {}),
    rootPrivate: await isRootPrivate(),
    absent: OUTSIDE.filter((path) => !existsSync(path)),
  };
}

/** Puts kernel settings back. Returns a line for each that was another one. */
export async function restoreSysctls({ sysctls }: Before): Promise<string[]> {
  const restored: string[] = [];
  for (const [name, value] of Object.entries(sysctls)) {
    if (await restore(join("/proc/sys", name), value)) restored.push(`sysctl ${name.replaceAll("/", ".")}`);
  }
  return restored;
}

/** Puts the root's load balancing (v1) back. True where it was another. */
export function restoreLoadBalance({ loadBalance }: Before): Promise<boolean> {
  return loadBalance === undefined ? Promise.resolve(false) : restore(LOAD_BALANCE, loadBalance);
}

async function restore(path: string, value: string): Promise<boolean> {
  if (!existsSync(path) || (await readFile(path, "utf8")).trim() === value) return false;
  await writeFile(path, value);
  return true;
}
