import { lostFinder } from "../oci/lost.ts";
import { type Host, onHost, runtimePid } from "./host.ts";
import { HOME } from "./names.ts";

/**
 * Has the ledger's lost entries written anew by a process on the host, which sees the containers' bundles; the daemon's
 * pod does not. Tried once for the same entries: what cannot be rebuilt stays a problem that the daemon reports.
 */
export function lostEntries(host: Host): () => Promise<void> {
  const find = lostFinder(host.files, host.own, host.config.runDir, host.clock);
  let tried = "";
  return async () => {
    const lost = find().join(" ");
    if (lost === tried) return;
    tried = lost;
    if (lost === "") return;
    const { stdout, stderr } = await onHost(host, runtimePid(host) ?? 1, [
      `${HOME}/bin/schedgate-node`,
      "reconcile",
    ]);
    host.log.warn({ lost, said: `${stdout}${stderr}`.slice(-2000) }, "lost ledger entries were looked at");
  };
}
