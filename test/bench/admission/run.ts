import type { Contender } from "./contenders/contender.ts";
import type { Cell } from "./figures.ts";
import type { Job, Outcome } from "./load/generate.ts";
import type { Load } from "./load/load.ts";
import { cpuSecondsOf, peakRssOf, resetPeak } from "./usage.ts";
import { GRANTED, podOf, podsPath, WORKLOADS } from "./workloads.ts";
import type { Workload } from "./workloads.ts";

/** Connections, each with one request under way, and the share of a workload's time that each gets. */
export const CONCURRENCIES = [1, 8, 32] as const;
const SHARES = [0.4, 0.3, 0.3];

/** Load before each turn that does not count, as a part of a workload's time. */
const WARM_UP = 0.05;

/** What was measured of one contender. CPU and memory are those of its own process; undefined where it has none. */
export interface Measured {
  cells: Record<Workload, Record<number, Cell>>;
  cpu: Record<Workload, { seconds: number; requests: number }> | undefined;
  peakRssBytes: number | undefined;
  /** CPU of the load generator itself, seconds, and the requests that it sent. */
  load: { cpuSeconds: number; requests: number };
}

interface Plan {
  rounds: number;
  seconds: number;
  log: (line: string) => void;
}

/** Gives each contender its turn in each round, in an order that moves on by one each round. */
export async function runRounds(
  contenders: readonly Contender[],
  load: Load,
  { rounds, seconds, log }: Plan,
): Promise<Map<string, Measured>> {
  const measured = new Map(contenders.map((each) => [each.name, empty(each)]));
  for (let round = 0; round < rounds; round++) {
    for (let n = 0; n < contenders.length; n++) {
      const contender = contenders[(n + round) % contenders.length];
      const into = measured.get(contender?.name ?? "");
      if (contender === undefined || into === undefined) continue;
      const start = Date.now();
      await contender.install();
      const ready = Date.now();
      await turn(contender, load, seconds, into);
      const done = Date.now();
      await contender.remove();
      const times = `on ${ready - start} ms, load ${done - ready} ms, off ${Date.now() - done} ms`;
      log(`round ${round + 1} of ${rounds}: ${contender.name} (${times})`);
    }
  }
  return measured;
}

function empty(contender: Contender): Measured {
  const byWorkload = <T>(of: () => T): Record<Workload, T> =>
    Object.fromEntries(WORKLOADS.map((each) => [each, of()])) as Record<Workload, T>;
  const cell = (): Cell => ({ latencies: [], seconds: 0 });
  return {
    cells: byWorkload(() => Object.fromEntries(CONCURRENCIES.map((each) => [each, cell()]))),
    cpu: contender.pid() === undefined ? undefined : byWorkload(() => ({ seconds: 0, requests: 0 })),
    peakRssBytes: undefined,
    load: { cpuSeconds: 0, requests: 0 },
  };
}

async function turn(contender: Contender, load: Load, seconds: number, into: Measured): Promise<void> {
  const pid = contender.pid();
  for (const workload of WORKLOADS) await load.run(jobOf(workload, 8, seconds * WARM_UP));
  if (pid !== undefined) await resetPeak(pid);
  for (const workload of WORKLOADS) {
    const before = pid === undefined ? 0 : await cpuSecondsOf(pid);
    const requests = await allConcurrencies(load, workload, seconds, into);
    if (pid === undefined || into.cpu === undefined) continue;
    into.cpu[workload].seconds += (await cpuSecondsOf(pid)) - before;
    into.cpu[workload].requests += requests;
  }
  if (pid !== undefined) into.peakRssBytes = Math.max(into.peakRssBytes ?? 0, await peakRssOf(pid));
}

/** How many requests were sent. */
async function allConcurrencies(
  load: Load,
  workload: Workload,
  seconds: number,
  into: Measured,
): Promise<number> {
  const before = into.load.requests;
  for (const [n, connections] of CONCURRENCIES.entries()) {
    const outcome = await load.run(jobOf(workload, connections, seconds * (SHARES[n] ?? 0)));
    add(outcome, into.cells[workload][connections], into.load);
  }
  return into.load.requests - before;
}

function jobOf(workload: Workload, connections: number, seconds: number): Job {
  return { path: podsPath(GRANTED), bodies: [JSON.stringify(podOf(workload))], connections, seconds };
}

function add(outcome: Outcome, cell: Cell | undefined, load: Measured["load"]): void {
  if (cell !== undefined) {
    for (const each of outcome.latencies) cell.latencies.push(each);
    cell.seconds += outcome.seconds;
  }
  load.cpuSeconds += outcome.cpuSeconds;
  load.requests += outcome.requests;
}
