import type { Clock } from "../../common/clock.ts";
import { messageOf } from "../../common/errors.ts";
import type { Logger } from "../../common/log.ts";
import type { HostFs } from "../host/host-fs.ts";
import { failuresIn } from "../isolation/failures.ts";
import { isAlive } from "../isolation/liveness.ts";
import type { Owner } from "../isolation/owner.ts";
import { type Isolation, reconcile } from "../isolation/reconcile.ts";
import type { Snapshot } from "./snapshot.ts";
import { directoryWatches } from "./watches.ts";

/** Keeps the kernel at what the ledger says: on every change that it sees, and from time to time against what it misses. */
export interface Guard {
  latest(): Snapshot | undefined;
  /** Until the signal aborts; never throws. */
  run(signal: AbortSignal): Promise<void>;
}

/** What the guard stands on. */
export interface GuardOptions {
  hostFs: HostFs;
  clock: Clock;
  log: Logger;
  runDir: string;
  /** Opens isolation; tried again for as long as it throws. */
  open: () => Isolation;
  /** Writes lost entries of the ledger anew; whether it tried any. */
  rescue: (isolation: Isolation) => Promise<boolean>;
  onSnapshot: (snapshot: Snapshot) => void;
}

const TICK_MS = 1000;
/** The same while nothing is owned: what could be missed then is a container that the ledger should hold. */
const IDLE_TICK_MS = 5000;
/** Between passes while the tree keeps changing, our own writes included. */
const SPACING_MS = 4;
/** A killed container's processes are looked for this often: its CPUs must be free within 2 s. */
const DEATH_MS = 250;
/** A step that the kernel refuses now is tried again at the next tick; the lock must not be held for long. */
const ATTEMPTS = 3;

/** A guard; nothing happens until `run`. */
export function guard(options: GuardOptions): Guard {
  const { hostFs, clock, log, runDir } = options;
  let isolation: Isolation | undefined;
  let latest: Snapshot | undefined;
  let wake = new AbortController();
  let again = false;
  let told = "[[],[]]";
  const isDue = (): boolean => again;
  const poke = (): void => {
    again = true;
    wake.abort();
  };
  const watches = directoryWatches(poke, (file) => file.startsWith("cpuset.") || file.endsWith(".json"));

  const pass = async (): Promise<Snapshot> => {
    isolation ??= options.open();
    const { backend } = isolation;
    hostFs.mkdirs(`${runDir}/ledger`);
    // Before anything is given back for want of an entry; and after, since unusable ones are set aside by then.
    await options.rescue(isolation);
    const first = await reconcile(isolation, ATTEMPTS);
    const isRescued = first.problems.length > 0 && (await options.rescue(isolation));
    const reconciled = isRescued ? await reconcile(isolation, ATTEMPTS) : first;
    const outcome = { ...reconciled, problems: [...reconciled.problems, ...failuresIn(hostFs, runDir)] };
    const dirs = outcome.watch.map((dir) => (dir === "" ? backend.root : `${backend.root}/${dir}`));
    if (watches.set([`${runDir}/ledger`, ...dirs])) again = true;
    const state = JSON.stringify([outcome.claimed, outcome.problems]);
    if (state !== told)
      log.info({ isolated: outcome.claimed, problems: outcome.problems }, "isolation changed");
    told = state;
    return { ...kernelOf(hostFs), backend: backend.name, ...outcome, at: clock.now() };
  };

  const failed = (error: unknown): Snapshot => {
    log.error({ error: messageOf(error) }, "reconcile failed");
    const kept = {
      owners: latest?.owners ?? [],
      claimed: latest?.claimed ?? [],
      proof: { source: "", missing: [] },
    };
    const backend = isolation?.backend.name ?? "None";
    return { ...kernelOf(hostFs), backend, ...kept, problems: [messageOf(error)], at: clock.now() };
  };

  // Until something changed, a container's process ended, or it is time to look at everything again.
  const rest = async (signal: AbortSignal, owners: readonly Owner[]): Promise<void> => {
    const woken = AbortSignal.any([signal, wake.signal]);
    const [whole, pause] = owners.length === 0 ? [IDLE_TICK_MS, IDLE_TICK_MS] : [TICK_MS, DEATH_MS];
    for (let rested = 0; rested < whole && !woken.aborted; rested += pause) {
      await clock.sleep(pause, woken);
      if (owners.some((owner) => !isAlive(hostFs, owner, owner.bootId))) return;
    }
  };

  return {
    latest: () => latest,
    run: async (signal) => {
      while (!signal.aborted) {
        wake = new AbortController();
        again = false;
        latest = await pass().catch(failed);
        options.onSnapshot(latest);
        await (isDue() ? clock.sleep(SPACING_MS, signal) : rest(signal, latest.owners));
      }
      watches.close();
    },
  };
}

function kernelOf(hostFs: HostFs): { kernelVersion: string; onlineCPUs: string } {
  return {
    kernelVersion: hostFs.read("/proc/sys/kernel/osrelease").trim(),
    onlineCPUs: hostFs.read("/sys/devices/system/cpu/online").trim(),
  };
}
