import { formatCpuSet, intersection } from "../../common/cpuset.ts";
import { type HostFs, readIfThere } from "../host/host-fs.ts";
import type { Claim, Proof } from "./backend.ts";
import { cpusWithDomain } from "./schedstat.ts";

const SCHEDSTAT = "/proc/schedstat";

/**
 * Every sign that this kernel gives must hold; the best one names the proof: `/proc/schedstat`, which shows the sched
 * domains themselves (kernels with CONFIG_SCHEDSTATS), else the back-end's own files.
 */
export function proofOf(
  hostFs: HostFs,
  claims: readonly Claim[],
  ownSource: string,
  ownFlaw: (claim: Claim) => string | undefined,
): Proof {
  const schedstat = readIfThere(hostFs, SCHEDSTAT);
  const balanced = schedstat === undefined ? [] : cpusWithDomain(schedstat);
  const missing = claims.flatMap((claim) => {
    const still = intersection(claim.cpus, balanced);
    const why =
      ownFlaw(claim) ??
      (still.length > 0 ? `${SCHEDSTAT} shows a domain for CPU ${formatCpuSet(still)}` : undefined);
    return why === undefined ? [] : [{ id: claim.id, why }];
  });
  return { source: schedstat === undefined ? ownSource : "schedstat", missing };
}
