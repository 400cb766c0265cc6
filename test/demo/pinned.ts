import { parseCpuSet, type CpuSet } from "../../common/cpuset.ts";
import type { Lab } from "../lab/lab.ts";
import { kubectl } from "./cluster.ts";
import { onNode } from "./kernel.ts";

/** A running container of the demo, seen from the node. */
export interface Pinned {
  /** Process id of the container's init, in the node's own numbering. */
  pid: number;
  /** Process id of what holds the container for the runtime: containerd's shim, or CRI-O's conmon. */
  holder: number;
  /** The CPUs that the kubelet pinned it to, from the process itself. */
  cpus: CpuSet;
}

/** Finds the container of a one-container pod on the node, past the agent. */
export async function pinned(lab: Lab, namespace: string, pod: string): Promise<Pinned> {
  const path = [
    "-n",
    namespace,
    "get",
    "pod",
    pod,
    "-o",
    "jsonpath={.status.containerStatuses[0].containerID}",
  ];
  const id = (await kubectl(lab, path)).replace(/^[a-z-]+:\/\//, "");
  if (!/^[0-9a-f]{64}$/.test(id)) throw new Error(`pod ${pod} has no container yet: "${id}"`);
  const script = `pid=$(cat $(find /sys/fs/cgroup -path '*${id}*' -not -path '*conmon*' -name cgroup.procs) /dev/null | sort -n | head -1)
    echo "$pid $(awk '/^PPid/{print $2}' /proc/$pid/status) $(awk '/^Cpus_allowed_list/{print $2}' /proc/$pid/status)"`;
  const [pid = "", holder = "", cpus = ""] = (await onNode(lab, script)).trim().split(" ");
  if (cpus === "") throw new Error(`the container of ${pod} has no process on the node`);
  return { pid: Number(pid), holder: Number(holder), cpus: parseCpuSet(cpus) };
}
