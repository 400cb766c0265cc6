import { namespace, startCluster } from "../../apiserver/cluster.ts";
import { backstopped } from "./contenders/backstopped.ts";
import { echo } from "./contenders/echo.ts";
import { kyverno } from "./contenders/kyverno.ts";
import { none } from "./contenders/none.ts";
import { buildWebhook, schedgate } from "./contenders/schedgate.ts";
import { vapMap } from "./contenders/vapmap.ts";
import type { Bench, Contender } from "./contenders/contender.ts";
import { p50, p99, rate } from "./figures.ts";
import { startLoad } from "./load/load.ts";
import type { Load } from "./load/load.ts";
import { grantToHonoured, startToReady } from "./moments.ts";
import type { Options } from "./options.ts";
import { loadTables, usageTable, verdictTable } from "./report.ts";
import type { Style } from "./report.ts";
import { CONCURRENCIES, runRounds } from "./run.ts";
import type { Measured } from "./run.ts";
import { measureScale } from "./scale.ts";
import { cpuPerThousand, loadVerdicts, momentVerdicts } from "./verdicts.ts";
import type { Verdict } from "./verdicts.ts";
import { GRANTED, UNGRANTED, WORKLOADS } from "./workloads.ts";

/** Grants in the rounds, one a namespace. */
const GRANTS = 10;
const STARTS = 5;
const GRANT_WRITES = 100;

/** The figures as a text for people, in a style, and for programs. */
export interface Result {
  report: (style: Style) => string;
  figures: object;
}

/** Brings an API server up, measures, and takes it down again whatever happens. */
export async function bench(options: Options, log: (line: string) => void): Promise<Result> {
  await buildWebhook();
  const cluster = await startCluster("bench");
  const load = await startLoad(cluster.lab.kubeconfig);
  try {
    await namespace(cluster.api, GRANTED);
    await namespace(cluster.api, UNGRANTED);
    const others = Array.from({ length: GRANTS - 1 }, (_, n) => `bench-other-${n}`);
    const at: Bench = { cluster, namespaces: [...others, GRANTED], log };
    return await (options.scale ? measureScale(at, load, options.pods) : measureLoad(at, load, options));
  } finally {
    load.stop();
    await cluster.stop();
  }
}

async function measureLoad(at: Bench, load: Load, options: Options): Promise<Result> {
  const started = Date.now();
  const contenders = await contendersOf(at, options);
  try {
    const measured = await runRounds(contenders, load, { ...options, log: at.log });
    const moments = await measureMoments(at, contenders);
    const verdicts = [...loadVerdicts(measured), ...moments.verdicts];
    const seconds = (Date.now() - started) / 1000;
    const took = `\n${options.rounds} rounds of ${options.seconds} s a workload, ${seconds.toFixed(0)} s\n`;
    return {
      report: (style) =>
        loadTables(measured, style) + usageTable(measured, style) + verdictTable(verdicts, style) + took,
      figures: { options, measured: summary(measured), ...moments, verdicts },
    };
  } finally {
    for (const each of contenders) await each.stop();
  }
}

async function contendersOf(at: Bench, { contenders, cpuProfile }: Options): Promise<Contender[]> {
  const flags = cpuProfile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${cpuProfile}`];
  const make: Record<string, () => Promise<Contender>> = {
    none: () => Promise.resolve(none()),
    echo: () => echo(at, "echo"),
    echo2: () => echo(at, "echo2"),
    floor: () => echo(at, "floor"),
    schedgate: () => schedgate(at, flags),
    "vap+map": () => vapMap(at),
  };
  const made: Contender[] = [];
  for (const [name, of] of Object.entries(make)) if (contenders.includes(name)) made.push(await of());
  const ours = made.find((each) => each.name === "schedgate");
  if (ours !== undefined && contenders.includes("schedgate+backstop")) made.push(backstopped(at, ours));
  const both = contenders.some((each) => each.startsWith("kyverno")) ? await kyverno(at) : [];
  return [...made, ...both.filter((each) => contenders.includes(each.name))];
}

/** Measured only where schedgate is one of the contenders, and last: nothing else is installed then. */
async function measureMoments(
  { cluster, log }: Bench,
  contenders: readonly Contender[],
): Promise<{ startsMs: number[]; honouredMs: number[]; verdicts: Verdict[] }> {
  const ours = contenders.find((each) => each.name === "schedgate");
  if (ours === undefined) return { startsMs: [], honouredMs: [], verdicts: [] };
  log(`${GRANT_WRITES} grants, written to honoured`);
  await ours.install();
  const honouredMs = await grantToHonoured(cluster, GRANT_WRITES);
  await ours.remove();
  log(`${STARTS} starts to ready`);
  const startsMs = await startToReady(cluster, STARTS);
  return { startsMs, honouredMs, verdicts: momentVerdicts(startsMs, honouredMs) };
}

function summary(all: ReadonlyMap<string, Measured>): object {
  const of = (measured: Measured): object => ({
    peakRssBytes: measured.peakRssBytes,
    generatorCpuPerThousand: (1000 * measured.load.cpuSeconds) / measured.load.requests,
    workloads: Object.fromEntries(
      WORKLOADS.map((workload) => [
        workload,
        {
          cpuPerThousand: cpuPerThousand(measured, workload),
          at: Object.fromEntries(
            CONCURRENCIES.map((each) => {
              const cell = measured.cells[workload][each];
              if (cell === undefined) return [each, undefined];
              return [
                each,
                { requests: cell.latencies.length, p50: p50(cell), p99: p99(cell), rate: rate(cell) },
              ];
            }),
          ),
        },
      ]),
    ),
  });
  return Object.fromEntries([...all].map(([name, measured]) => [name, of(measured)]));
}
