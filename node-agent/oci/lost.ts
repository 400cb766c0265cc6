import { type HostFs, ifThere, readIfThere } from "../host/host-fs.ts";
import { ledgerIn } from "../isolation/ledger.ts";
import { readAsk } from "./asks.ts";
import { asksForIsolation, readBundle } from "./bundle.ts";

/**
 * Finds containers that the ledger should hold and does not: those whose entries were set aside, and those that live and
 * ask, by the launcher's notes, without an entry. Only for a process that sees the bundles; `proc` shows the host's pids.
 */
export function lostFinder(hostFs: HostFs, proc: HostFs, runDir: string): () => string[] {
  const ledger = ledgerIn(hostFs, `${runDir}/ledger`);
  // Sandboxes and containers that say `disabled` are noted too: each bundle is read once.
  const silent = new Set<string>();
  const lives = (id: string): boolean => {
    const { pidFile } = readAsk(hostFs, runDir, id);
    const pid = (pidFile === "" ? "" : (readIfThere(hostFs, pidFile) ?? "")).trim();
    // The pid of a container that has ended may be another's by now; a container's cgroup has its id in its path.
    return pid !== "" && readIfThere(proc, `/proc/${pid}/cgroup`)?.includes(id) === true;
  };
  const asks = (id: string): boolean => {
    const isAsking = asksForIsolation(readBundle(hostFs, readAsk(hostFs, runDir, id).bundle));
    if (!isAsking) silent.add(id);
    return isAsking;
  };
  return () => {
    const noted = ifThere(() => hostFs.list(`${runDir}/asks`)) ?? [];
    for (const id of silent) if (!noted.includes(id)) silent.delete(id);
    const without = noted.filter(
      (id) =>
        !silent.has(id) &&
        !hostFs.exists(`${runDir}/ledger/${id}.json`) &&
        // It was let start without isolation, and that is told already.
        !hostFs.exists(`${runDir}/failures/${id}`),
    );
    const gone = without.filter((id) => isSure(() => lives(id) && asks(id)));
    return [...new Set([...ledger.lost(), ...gone])].sort();
  };
}

// A note that is being written, or a bundle that is being removed: the next look tells.
function isSure(look: () => boolean): boolean {
  try {
    return look();
  } catch {
    return false;
  }
}
