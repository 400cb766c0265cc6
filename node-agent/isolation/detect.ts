import { SchedgateError } from "../../common/errors.ts";
import { type HostFs, readIfThere } from "../host/host-fs.ts";
import type { Backend } from "./backend.ts";
import { SCHED_DOMAIN, backendFlags } from "./backend-flags.ts";
import { backendV1 } from "./backend-v1.ts";
import { backendV2 } from "./backend-v2.ts";
import { CPUS } from "./plan-v1.ts";
import { EXCLUSIVE } from "./plan-v2.ts";

/**
 * The back-end that works on this kernel.
 * @param cgroupRoot usually `/sys/fs/cgroup`.
 * @throws SchedgateError E_BACKEND that says what the kernel lacks.
 */
export function detectBackend(hostFs: HostFs, cgroupRoot: string): Backend {
  const v1 = `${cgroupRoot}/cpuset`;
  if (readIfThere(hostFs, `${v1}/${CPUS}`) !== undefined) return backendV1(hostFs, v1);
  const controllers = readIfThere(hostFs, `${cgroupRoot}/cgroup.controllers`);
  if (controllers === undefined)
    throw lacking(
      `neither ${v1}/${CPUS} (v1) nor ${cgroupRoot}/cgroup.controllers (v2) exists; a kernel without CONFIG_CPUSETS_V1, as Debian's from 6.12 on, isolates with cgroup v2 only`,
    );
  if (!controllers.split(/\s+/).includes("cpuset"))
    throw lacking(`${cgroupRoot} is cgroup v2 without the cpuset controller`);
  if (!hasExclusiveLists(hostFs, cgroupRoot)) {
    if (isBefore(hostFs, 5, 8) && hostFs.exists(SCHED_DOMAIN)) return backendFlags(hostFs, cgroupRoot);
    throw lacking(
      `cgroup v2 has no ${EXCLUSIVE} before kernel 6.7, so a container's CPUs cannot be made a partition`,
    );
  }
  // A release before 6.7 that has the list is a distributor's with backports: there the kernel's answer tells.
  if (!isBefore(hostFs, 6, 7) && isBefore(hostFs, 6, 11))
    throw lacking(
      `before kernel 6.11 ${EXCLUSIVE} counts only within ${CPUS}, which a kubelet leaves empty above its containers`,
    );
  return backendV2(hostFs, cgroupRoot);
}

function lacking(what: string): SchedgateError {
  return new SchedgateError("E_BACKEND", `this kernel cannot isolate CPUs: ${what}`);
}

// The file is in every cpuset but the root; where no child has a cpuset yet, the kernel's release decides.
function hasExclusiveLists(hostFs: HostFs, root: string): boolean {
  const children = hostFs.subdirectories(root).filter((name) => hostFs.exists(`${root}/${name}/${CPUS}`));
  if (children.length > 0) return children.some((name) => hostFs.exists(`${root}/${name}/${EXCLUSIVE}`));
  return !isBefore(hostFs, 6, 7);
}

function isBefore(hostFs: HostFs, major: number, minor: number): boolean {
  const release = hostFs.read("/proc/sys/kernel/osrelease");
  const [own = 0, ownMinor = 0] = release.split(".").map(Number.parseFloat);
  return own < major || (own === major && ownMinor < minor);
}
