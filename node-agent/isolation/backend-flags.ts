import { type HostFs, ifThere, readIfThere } from "../host/host-fs.ts";
import type { Backend, Proof } from "./backend.ts";
import { assumeBeforeFlags, flawFlags, planFlags, type ViewFlags } from "./plan-flags.ts";

/** Where kernels up to 5.12 list the sched domains; writable up to 5.7 (kernel/sched/debug.c, commit 9818427c6270). */
export const SCHED_DOMAIN = "/proc/sys/kernel/sched_domain";

/**
 * The load-balance bit of each claimed CPU's sched domains, for kernels up to 5.7 that have no other way. A kernel that
 * rebuilds its domains (a CPU comes or goes, any cpuset changes) sets the bit again, and procfs tells nobody: the
 * reconcile once a second clears it.
 * @param cgroupRoot where the containers' cpusets are, cgroup v2.
 */
export function backendFlags(hostFs: HostFs, cgroupRoot: string): Backend {
  return {
    name: "SchedDomainFlags",
    root: SCHED_DOMAIN,
    cpusets: { version: "v2", root: cgroupRoot },
    survey: (claims, before) => {
      const view = readView(hostFs);
      const prove = (): Proof => ({
        source: "sched_domain flags",
        missing: claims.flatMap((claim) => {
          const why = flawFlags(claim, view);
          return why === undefined ? [] : [{ id: claim.id, why }];
        }),
      });
      return { steps: planFlags(claims, view, before), contents: view, watch: [], prove };
    },
    assumeBefore: () => assumeBeforeFlags(readView(hostFs)),
  };
}

function readView(hostFs: HostFs): ViewFlags {
  const view = new Map<string, string>();
  for (const cpu of ifThere(() => hostFs.subdirectories(SCHED_DOMAIN)) ?? []) {
    for (const domain of ifThere(() => hostFs.subdirectories(`${SCHED_DOMAIN}/${cpu}`)) ?? []) {
      const file = `${cpu}/${domain}/flags`;
      const flags = readIfThere(hostFs, `${SCHED_DOMAIN}/${file}`);
      if (flags !== undefined) view.set(file, flags);
    }
  }
  return view;
}
