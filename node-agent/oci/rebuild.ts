import { formatCpuSet } from "../../common/cpuset.ts";
import { messageOf } from "../../common/errors.ts";
import type { Isolation } from "../isolation/reconcile.ts";
import type { CompanionConfig } from "./config.ts";
import { createdById } from "./created.ts";
import { isolate } from "./isolate.ts";

/**
 * Writes the ledger anew for living containers whose entries were unusable or deleted, from what launcher or hook noted at
 * their create, and the host's word for the rest, or in the daemon the launcher's last note of it. What cannot be told of a
 * container is noted, and stays a problem of the ledger until its file is looked at.
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
  config: CompanionConfig,
  id: string,
): Promise<string | undefined> {
  const created = createdById(isolation.hostFs, config, id);
  if (created === undefined) return undefined;
  // The pid of a container that has ended may be another's by now; a container's cgroup has its id in its path.
  if (!created.cgroups.includes(id)) return undefined;
  const { cpus } = await isolate(isolation, created, "allow");
  return cpus === undefined ? undefined : formatCpuSet(cpus);
}
