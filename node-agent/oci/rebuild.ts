import { formatCpuSet } from "../../common/cpuset.ts";
import { messageOf } from "../../common/errors.ts";
import { leafOf } from "../isolation/cgroup.ts";
import type { Isolation } from "../isolation/reconcile.ts";
import { readAsk } from "./asks.ts";
import { asksForIsolation, readBundle } from "./bundle.ts";
import type { CompanionConfig } from "./config.ts";
import { isolate } from "./isolate.ts";
import { pidOf } from "./pid.ts";
import { rightAtStart } from "./right.ts";

/**
 * Writes the ledger anew for living containers whose entries were unusable or deleted, from what the launcher noted at
 * their create: bundle, process, and the kernel's word for its CPUs. Only for a process that sees the bundles. What cannot
 * be told of a container is noted, and stays a problem of the ledger until its file is looked at.
 * @param lost their ids; a call for one container looks at the entries that were set aside alone, which costs nothing.
 */
export async function rebuild(
  isolation: Isolation,
  config: CompanionConfig,
  note: (level: "info" | "error", message: string) => void,
  lost = isolation.ledger.lost(),
): Promise<void> {
  for (const id of lost) {
    try {
      const cpus = await restore(isolation, config, id);
      if (cpus !== undefined) note("info", `${id}: its ledger entry was lost: CPUs ${cpus} isolated again`);
    } catch (error) {
      note("error", `${id}: its ledger entry was lost and cannot be written anew: ${messageOf(error)}`);
    }
  }
}

async function restore(
  isolation: Isolation,
  { runDir, runc, kubeletState, staticPods }: CompanionConfig,
  id: string,
): Promise<string | undefined> {
  const ask = readAsk(isolation.hostFs, runDir, id);
  const bundle = readBundle(isolation.hostFs, ask.bundle);
  const pid = pidOf(isolation.hostFs, id, ask, runc);
  // The pid of a container that has ended may be another's by now; a container's cgroup has its id in its path.
  if (!leafOf(isolation.hostFs, isolation.backend, pid).cgroup.includes(id)) return undefined;
  if (!asksForIsolation(bundle)) return undefined;
  const right = rightAtStart(isolation.hostFs, staticPods, bundle);
  const { cpus } = await isolate(isolation, { id, pid, bundle, ...right }, kubeletState, "allow");
  return cpus === undefined ? undefined : formatCpuSet(cpus);
}
