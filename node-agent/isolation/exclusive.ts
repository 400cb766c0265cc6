import { type CpuSet, formatCpuSet, parseCpuSet, sameCpus } from "../../common/cpuset.ts";
import { SchedgateError } from "../../common/errors.ts";

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

// The kubelet's own level below `kubepods`: an admin's --cgroup-root may hold any word.
const SHARED_QOS = /(?:^|[/-])kubepods[/-](?:burstable|besteffort)[/-]/;

/**
 * Why the container's CPUs are not exclusive; undefined where they are. With the static CPU manager every container
 * has a list of CPUs, shared ones too, so the list alone proves nothing: Guaranteed, whole CPUs and the kubelet's own
 * record must all agree.
 * @param state text of the kubelet's `cpu_manager_state`, undefined where there is none.
 * @throws SchedgateError E_PINNING where it cannot be told: that is no "not exclusive".
 */
export function notExclusive(pinning: Pinning, state: string | undefined): string | undefined {
  const { cgroupsPath, shares } = pinning;
  if (SHARED_QOS.test(cgroupsPath)) return "the pod is not Guaranteed: requests and limits differ";
  if (shares === undefined || shares < 1024 || shares % 1024 !== 0)
    return "the container asks for no whole number of CPUs";
  const { policyName, entries } = parseState(state);
  if (policyName !== "static") return `the kubelet's CPU manager policy is "${policyName}", not "static"`;
  const recorded = recordedCpus(entries, pinning);
  if (recorded.length === 0) return "the kubelet gave the container no CPUs of its own";
  if (sameCpus(recorded, pinning.cpus)) return undefined;
  // A first cpuset may be wrong for up to 10 s (kubernetes#138731): the kubelet tries the container again.
  const lists = `the kubelet pinned CPUs ${formatCpuSet(recorded)}, the kernel has ${formatCpuSet(pinning.cpus)}`;
  throw new SchedgateError("E_PINNING", `${lists}: not isolated before they agree`);
}

interface State {
  policyName: string;
  entries: object;
}

// {"policyName":"static","defaultCpuSet":"0","entries":{"<pod uid>":{"<container>":"1-2"}},"checksum":…}
function parseState(text: string | undefined): State {
  if (text === undefined) throw untold("there is no such file");
  let value: { policyName?: unknown; entries?: unknown } | null;
  try {
    value = JSON.parse(text) as typeof value;
  } catch (cause) {
    throw untold("it is not JSON", cause);
  }
  const { policyName, entries } = value ?? {};
  if (typeof policyName !== "string") throw untold("it names no policy");
  if (entries !== undefined && typeof entries !== "object") throw untold("its entries are no object");
  return { policyName, entries: entries ?? {} };
}

function recordedCpus(entries: object, { podUID, container }: Pinning): CpuSet {
  if (podUID === "" || container === "") {
    const missing = podUID === "" ? "pod's uid" : "container's name";
    throw new SchedgateError(
      "E_PINNING",
      `the bundle does not tell the ${missing}: its CPUs cannot be looked up`,
    );
  }
  const list = own(own(entries, podUID), container) ?? "";
  if (typeof list !== "string") throw untold(`its entry for ${podUID} is no text`);
  try {
    return parseCpuSet(list);
  } catch (cause) {
    throw untold(`its entry for ${podUID} is "${list.slice(0, 100)}"`, cause);
  }
}

// A container may have the name of something that every object inherits.
function own(object: unknown, key: string): unknown {
  if (typeof object !== "object" || object === null || !Object.hasOwn(object, key)) return undefined;
  return (object as Record<string, unknown>)[key];
}

function untold(why: string, cause?: unknown): SchedgateError {
  const what = "the kubelet's CPU manager state cannot be read";
  return new SchedgateError("E_PINNING", `${what}: ${why}; SCHEDGATE_KUBELET_STATE must be its path`, {
    cause,
  });
}
