import { formatCpuSet, intersection } from "../../common/cpuset.ts";
import type { HostFs } from "../host/host-fs.ts";
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
  // It is long where there are many CPUs: an idle node need not read it each second.
  const hasSchedstat = hostFs.exists(SCHEDSTAT);
  const balanced = hasSchedstat && claims.length > 0 ? cpusWithDomain(hostFs.read(SCHEDSTAT)) : [];
  const missing = claims.flatMap((claim) => {
    const still = intersection(claim.cpus, balanced);
    const why =
      ownFlaw(claim) ??
      (still.length > 0 ? `${SCHEDSTAT} shows a domain for CPU ${formatCpuSet(still)}` : undefined);
    return why === undefined ? [] : [{ id: claim.id, why }];
  });
  return { source: hasSchedstat ? "schedstat" : ownSource, missing };
}
