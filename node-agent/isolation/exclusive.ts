import { type CpuSet, formatCpuSet, parseCpuSet, sameCpus } from "../../common/cpuset.ts";

/** What decides whether a container's CPUs are its own. */
export interface Pinning {
  podUID: string;
  container: string;
  /** `linux.cgroupsPath` of the bundle: the kubelet puts the QoS class into it, except for Guaranteed. */
  cgroupsPath: string;
  /** `linux.resources.cpu.shares`: 1024 a CPU. */
  shares: number | undefined;
  /** What the kernel lets it run on. */
  cpus: CpuSet;
}

/**
 * Why the container's CPUs are not exclusive; undefined where they are. With the static CPU manager every container
 * has a list of CPUs, shared ones too, so the list alone proves nothing: Guaranteed, whole CPUs and the kubelet's own
 * record must all agree.
 * @param state text of the kubelet's `cpu_manager_state`, undefined where there is none.
 */
export function notExclusive(pinning: Pinning, state: string | undefined): string | undefined {
  const { cgroupsPath, shares } = pinning;
  if (/burstable|besteffort/.test(cgroupsPath))
    return "the pod is not Guaranteed: requests and limits differ";
  if (shares === undefined || shares < 1024 || shares % 1024 !== 0)
    return "the container asks for no whole number of CPUs";
  if (state === undefined) return "the kubelet has no cpu_manager_state: it needs cpuManagerPolicy static";
  const recorded = recordedCpus(state, pinning.podUID, pinning.container);
  if (typeof recorded === "string") return recorded;
  if (!sameCpus(recorded, pinning.cpus)) {
    return `the kubelet pinned CPUs ${formatCpuSet(recorded)}, the kernel has ${formatCpuSet(pinning.cpus)}`;
  }
  return undefined;
}

// {"policyName":"static","defaultCpuSet":"0","entries":{"<pod uid>":{"<container>":"1-2"}},"checksum":…}
function recordedCpus(state: string, podUID: string, container: string): CpuSet | string {
  let value: {
    policyName?: unknown;
    entries?: Record<string, Record<string, unknown> | undefined> | null;
  } | null;
  try {
    value = JSON.parse(state) as typeof value;
  } catch {
    return "the kubelet's cpu_manager_state is not JSON";
  }
  if (value?.policyName !== "static")
    return `the kubelet's CPU manager policy is ${JSON.stringify(value?.policyName)}, not "static"`;
  const list = value.entries?.[podUID]?.[container];
  if (typeof list !== "string" || list === "") return "the kubelet gave the container no CPUs of its own";
  return parseCpuSet(list);
}
