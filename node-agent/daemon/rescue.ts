import type { Logger } from "../../common/log.ts";
import type { HostFs } from "../host/host-fs.ts";
import type { Isolation } from "../isolation/reconcile.ts";
import type { CompanionConfig } from "../oci/config.ts";
import { lostFinder } from "../oci/lost.ts";
import { rebuild } from "../oci/rebuild.ts";

/**
 * Has lost ledger entries written anew by what the launcher noted; says whether it tried. Each loss is tried once: what
 * cannot be told from here is the installer's, which sees the bundles.
 */
export function rescuer(
  hostFs: HostFs,
  config: CompanionConfig,
  log: Logger,
): (isolation: Isolation) => Promise<boolean> {
  let find: (() => string[]) | undefined;
  let tried: readonly string[] = [];
  return async (isolation) => {
    find ??= lostFinder(hostFs, hostFs, config.runDir, isolation.clock);
    const lost = find();
    const fresh = lost.filter((id) => !tried.includes(id));
    tried = lost;
    if (fresh.length === 0) return false;
    const note = (level: "info" | "error", message: string): void => {
      log[level === "info" ? "warn" : "error"]({}, message);
    };
    await rebuild(isolation, config, note, fresh);
    return true;
  };
}
