import type { Clock } from "../../common/clock.ts";
import { type HostFs, ifThere, readIfThere } from "../host/host-fs.ts";
import { ledgerIn } from "../isolation/ledger.ts";
import { type Ask, readAsk } from "./asks.ts";
import { asksForIsolation, parseBundle, readBundle } from "./bundle.ts";

/** Between the launcher's note of a container and its entry lies its start, and nobody should do that work twice. */
const START_MS = 5000;

/**
 * Finds containers that the ledger should hold and does not: those whose entries were set aside, and those that live and
 * ask, by the launcher's notes, without an entry. One that had an entry at the look before is lost at once, and at the
 * first look each is; else it may be starting. A process that sees no bundles finds those that the launcher copied.
 * @param proc shows the host's pids.
 */
export function lostFinder(
  hostFs: HostFs,
  proc: HostFs,
  runDir: string,
  clock: Pick<Clock, "now">,
): () => string[] {
  const ledger = ledgerIn(hostFs, `${runDir}/ledger`);
  const names = (dir: string): string[] => ifThere(() => hostFs.list(`${runDir}/${dir}`)) ?? [];
  /** Sandboxes and containers that say `disabled` are noted too: each bundle is read once. */
  const silent = new Set<string>();
  /** Since when a container counts as lost, if it is; undefined before the first look. */
  let due: Map<string, number> | undefined;

  const lives = (id: string, { process, pidFile }: Ask): boolean => {
    const pid = String(process?.pid ?? (pidFile && readIfThere(hostFs, pidFile)) ?? "").trim();
    // The pid of a container that has ended may be another's by now; a container's cgroup has its id in its path.
    return pid !== "" && readIfThere(proc, `/proc/${pid}/cgroup`)?.includes(id) === true;
  };
  const asks = (id: string, { config, bundle }: Ask): boolean => {
    const isAsking = asksForIsolation(
      config === undefined ? readBundle(hostFs, bundle) : parseBundle(config),
    );
    if (!isAsking) silent.add(id);
    return isAsking;
  };

  const isLost = (id: string): boolean => {
    const ask = readAsk(hostFs, runDir, id);
    return lives(id, ask) && asks(id, ask);
  };

  return () => {
    const now = clock.now().getTime();
    const noted = names("asks");
    // One whose failed start was noted runs without isolation by the admin's choice, and that is told already.
    const held = new Set([...names("ledger"), ...names("failures").map((id) => `${id}.json`)]);
    const before = due;
    due = new Map(
      noted.map((id) => [
        id,
        held.has(`${id}.json`) || before === undefined ? now : (before.get(id) ?? now + START_MS),
      ]),
    );
    for (const id of silent) if (!due.has(id)) silent.delete(id);
    const without = noted.filter(
      (id) => !silent.has(id) && !held.has(`${id}.json`) && (due?.get(id) ?? now) <= now,
    );
    const gone = without.filter((id) => isSure(() => isLost(id)));
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
