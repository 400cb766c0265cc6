import type { Lab } from "../types.ts";
import { must } from "./must.ts";

/** Kinds of which the product makes cluster-scoped objects. */
const kinds = [
  "customresourcedefinitions",
  "clusterroles",
  "clusterrolebindings",
  "mutatingwebhookconfigurations",
  "validatingwebhookconfigurations",
  "validatingadmissionpolicies",
  "validatingadmissionpolicybindings",
  "runtimeclasses",
  "namespaces",
];

/** What an installation could leave in a cluster, one line a thing. */
export async function clusterTraces(lab: Lab): Promise<string[]> {
  const [objects, labels] = await Promise.all([
    must(lab, ["get", kinds.join(","), "-o", "name"]),
    must(lab, ["get", "nodes", "-o", "jsonpath={.items[*].metadata.labels}"]),
  ]);
  return [...lines(objects), `node labels ${labels}`];
}

/** Every setting of the node's cpusets by which CPUs are isolated and that is not the kernel's default, and cpusets of ours. */
export async function cpusetTraces(lab: Lab): Promise<string[]> {
  const { code, stdout, stderr } = await lab.node(`
    for f in $(find /sys/fs/cgroup -name cpuset.cpus.exclusive -o -name cpuset.cpus.partition -o -name cpuset.sched_load_balance); do
      v=$(cat "$f" 2>/dev/null); case "$f=$v" in *.exclusive=|*.partition=member|*load_balance=1) ;; *) echo "$f $v" ;; esac
    done
    ls -d /sys/fs/cgroup/cpuset/schedgate* 2>/dev/null; true`);
  if (code !== 0) throw new Error(stderr);
  return lines(stdout);
}

/** What an installation could leave on a node: checksums of the runtime's configuration and of what is ours, and cpusets. */
export async function nodeTraces(lab: Lab): Promise<string[]> {
  const { SCHEDGATE_RUNTIME_CONFIG: config = "", SCHEDGATE_HOOKS_DIR: hooks = "" } = lab.agentSettings;
  const { stdout } = await lab.node(`
    find /opt/schedgate /run/schedgate /etc/containerd /etc/crio /usr/share/containers/oci/hooks.d ${config} ${hooks} \\
      -type f 2>/dev/null | sort -u | xargs -r sha256sum`);
  return [...lines(stdout), ...(await cpusetTraces(lab))];
}

function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}
