import { type CpuSet, union } from "../../common/cpuset.ts";
import type { Before } from "./before.ts";
import type { Step } from "./step.ts";

/** A live container's right to CPUs: `cgroup` is its leaf below the root of the cpuset hierarchy. */
export interface Claim {
  id: string;
  cgroup: string;
  cpus: CpuSet;
}

/** What the kernel holds now, and what must change so that exactly the claims are isolated. */
export interface Survey {
  /** In the order in which they must be taken; empty when kernel and claims agree. */
  steps: readonly Step[];
  /** Raw content of the files that steps may write, by path below the hierarchy's root. */
  contents: ReadonlyMap<string, string>;
  /** Directories whose changes can make this survey wrong, below the hierarchy's root. */
  watch: readonly string[];
  /** Whether the claims are isolated, as the kernel was when it was surveyed. */
  prove: () => Proof;
}

/** What shows that the claims are isolated, best source first, and each claim for which it is not shown. */
export interface Proof {
  source: string;
  missing: readonly { id: string; why: string }[];
}

/** One way to take CPUs out of load balancing. */
export interface Backend {
  name: "CgroupV2" | "CgroupV1" | "SchedDomainFlags";
  /** What the paths of its steps are below, such as `/sys/fs/cgroup`. */
  root: string;
  /** The hierarchy in which containers have their cpusets. */
  cpusets: { version: "v1" | "v2"; root: string };
  survey(claims: readonly Claim[], before: Before): Survey;
  /**
   * What our files held before us, where nothing tells any more: the kernel's own defaults, for those files only that
   * show our hand.
   * @param cgroups of everybody in the ledger, living or not.
   */
  assumeBefore(cgroups: readonly string[]): Before;
}

/** All CPUs of the claims. */
export function claimedCpus(claims: readonly Claim[]): CpuSet {
  return union(...claims.map((claim) => claim.cpus));
}
