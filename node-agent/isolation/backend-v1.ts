import { parseCpuSet } from "../../common/cpuset.ts";
import { type HostFs, ifThere, readIfThere } from "../host/host-fs.ts";
import type { Backend } from "./backend.ts";
import { CPUS, type CpusetV1, FLAG, type ViewV1, assumeBeforeV1, flawV1, planV1 } from "./plan-v1.ts";
import { proofOf } from "./proof.ts";
import { fileIn } from "./step.ts";

/** cgroup v1's cpuset controller: the flag `cpuset.sched_load_balance` and a housekeeping cpuset. */
export function backendV1(hostFs: HostFs, root: string): Backend {
  return {
    name: "CgroupV1",
    root,
    cpusets: { version: "v1", root },
    survey: (claims, before) => {
      // Without claims and without anything to put back there is nothing to look for in a tree that may be large.
      const isIdle = claims.length === 0 && before.size === 0;
      const view = isIdle ? { online: [], cpusets: new Map<string, CpusetV1>() } : readView(hostFs, root);
      return {
        steps: isIdle ? [] : planV1(claims, view, before),
        contents: new Map([...view.cpusets].map(([dir, { flag }]) => [fileIn(dir, FLAG), flag])),
        watch: [...view.cpusets.keys()],
        prove: () => proofOf(hostFs, claims, FLAG, (claim) => flawV1(claim, view)),
      };
    },
    assumeBefore: () => assumeBeforeV1(readView(hostFs, root)),
  };
}

function readView(hostFs: HostFs, root: string): ViewV1 {
  const cpusets = new Map<string, CpusetV1>();
  const visit = (dir: string): void => {
    const path = dir === "" ? root : `${root}/${dir}`;
    const cpus = readIfThere(hostFs, `${path}/${CPUS}`);
    const flag = readIfThere(hostFs, `${path}/${FLAG}`);
    if (cpus !== undefined && flag !== undefined) cpusets.set(dir, { cpus, flag });
    for (const name of ifThere(() => hostFs.subdirectories(path)) ?? []) visit(fileIn(dir, name));
  };
  visit("");
  return { online: parseCpuSet(hostFs.read("/sys/devices/system/cpu/online")), cpusets };
}
