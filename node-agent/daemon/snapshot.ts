import { type CpuSet, noCpus, union } from "../../common/cpuset.ts";
import type { Backend, Proof } from "../isolation/backend.ts";
import { type Owner, cpusOf } from "../isolation/owner.ts";

/** What the daemon knows of the node after a reconcile. */
export interface Snapshot {
  /** `None` where the kernel offers no way; `problems` then says why. */
  backend: Backend["name"] | "None";
  kernelVersion: string;
  onlineCPUs: string;
  owners: readonly Owner[];
  /** The ids of the owners whose CPUs are to be isolated. */
  claimed: readonly string[];
  proof: Proof;
  problems: readonly string[];
  /** When the kernel was read. */
  at: Date;
}

/** Owners that hold CPUs which are shown to be isolated. */
export function provenOwners({ owners, claimed, proof }: Snapshot): Owner[] {
  const unproven = new Set(proof.missing.map(({ id }) => id));
  return owners.filter(({ id }) => claimed.includes(id) && !unproven.has(id));
}

/** The CPUs that are shown to be isolated. */
export function isolatedCpus(snapshot: Snapshot): CpuSet {
  return snapshot.proof.source === "" ? noCpus : union(...provenOwners(snapshot).map(cpusOf));
}
