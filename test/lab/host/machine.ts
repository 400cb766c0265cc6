import { readFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { SchedgateError } from "../../../common/errors.ts";
import { findProgram } from "../prerequisites.ts";

/** What of this machine decides how a node on it is configured. */
export interface Machine {
  cgroup: 1 | 2;
  /** Path of runc. */
  runc: string;
  /** May lower an oom_score_adj: CAP_SYS_RESOURCE, which root in some containers lacks. */
  lowersOomScore: boolean;
  /** Has the controller for runc's hugepage limits. */
  hugetlb: boolean;
  /** The kernel has overlayfs: else each container gets a copy of its image. */
  overlay: boolean;
}

const CAP_SYS_RESOURCE = 24n;
const CGROUP_ROOT = "/sys/fs/cgroup";

/** Whether an effective capability set, as /proc/<pid>/status prints it (`CapEff:\t<hex>`), holds a capability. */
export function hasCapability(status: string, capability: bigint): boolean {
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  if (mask === undefined) throw new SchedgateError("E_STATUS", "no CapEff in /proc/self/status");
  return ((BigInt(`0x${mask}`) >> capability) & 1n) === 1n;
}

/** Looks at this machine. */
export async function inspectMachine(): Promise<Machine> {
  const runc = findProgram("runc", process.env["PATH"]);
  if (runc === undefined)
    throw new SchedgateError("E_MISSING", "runc is not in PATH: install it (Debian: runc)");
  const controllers = join(CGROUP_ROOT, "cgroup.controllers");
  const unified = existsSync(controllers);
  return {
    cgroup: unified ? 2 : 1,
    runc,
    lowersOomScore: hasCapability(await readFile("/proc/self/status", "utf8"), CAP_SYS_RESOURCE),
    hugetlb: unified
      ? /\bhugetlb\b/.test(await readFile(controllers, "utf8"))
      : existsSync(join(CGROUP_ROOT, "hugetlb")),
    overlay: /\toverlay$/m.test(await readFile("/proc/filesystems", "utf8")),
  };
}
