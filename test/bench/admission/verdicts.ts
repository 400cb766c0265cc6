import { p50, p99, quantile, rate } from "./figures.ts";
import type { Cell } from "./figures.ts";
import type { Measured } from "./run.ts";
import type { Workload } from "./workloads.ts";

/** One aim: a number and the most (or, with `atLeast`, the least) that it may be. */
export interface Verdict {
  what: string;
  /** undefined: not measured in this run. */
  value: number | undefined;
  aim: number;
  atLeast: boolean;
  unit: "×" | "s" | "ms" | "MB";
}

/** Whether an aim is met; undefined where it was not measured. */
export function isMet({ value, aim, atLeast }: Verdict): boolean | undefined {
  if (value === undefined) return undefined;
  return atLeast ? value >= aim : value <= aim;
}

/** Our figure over another contender's, undefined where one of them did not run. */
type Ratio = (of: (cell: Cell) => number, workload: Workload, connections: number) => number | undefined;

/** What the load says about each aim. */
export function loadVerdicts(all: ReadonlyMap<string, Measured>): Verdict[] {
  const over =
    (other: string): Ratio =>
    (of, workload, connections) => {
      const [ours, theirs] = ["schedgate", other].map((each) => all.get(each)?.cells[workload][connections]);
      return ours === undefined || theirs === undefined ? undefined : of(ours) / of(theirs);
    };
  const [none, echo2, floor, rival, kyverno] = (
    ["none", "echo2", "floor", "vap+map", "kyverno-cel"] as const
  ).map(over) as [Ratio, Ratio, Ratio, Ratio, Ratio];
  const most = (what: string, value: number | undefined, aim: number): Verdict => ({
    ...{ what, value, aim },
    ...{ atLeast: false, unit: "×" },
  });
  const least = (what: string, value: number | undefined, aim: number): Verdict => ({
    ...most(what, value, aim),
    atLeast: true,
  });
  const cpu = (other: string, workload: Workload): number | undefined =>
    ratio(cpuPerThousand(all.get("schedgate"), workload), cpuPerThousand(all.get(other), workload));
  return [
    most("ordinary p50 at 1 / none", none(p50, "ordinary", 1), 1.15),
    most("ordinary p50 at 1 / vap+map", rival(p50, "ordinary", 1), 1),
    {
      ...{ what: "ordinary, own CPU per 1,000", value: cpuPerThousand(all.get("schedgate"), "ordinary") },
      ...{ aim: 0.005, atLeast: false, unit: "s" },
    },
    most("protected p50 at 1 / echo2", echo2(p50, "protected", 1), 1.1),
    least("protected req/s at 8 / echo2", echo2(rate, "protected", 8), 0.9),
    least("protected req/s at 32 / echo2", echo2(rate, "protected", 32), 0.9),
    most("protected p99 at 8 / echo2", echo2(p99, "protected", 8), 1.3),
    most("protected p50 at 1 / floor", floor(p50, "protected", 1), 1.1),
    least("protected req/s at 8 / floor", floor(rate, "protected", 8), 0.9),
    least("protected req/s at 32 / floor", floor(rate, "protected", 32), 0.9),
    most("protected p99 at 8 / floor", floor(p99, "protected", 8), 1.3),
    most("asking p50 at 1 / vap+map", rival(p50, "asking", 1), 1),
    most("asking p50 at 32 / vap+map", rival(p50, "asking", 32), 1),
    least("asking req/s at 8 / kyverno-cel", kyverno(rate, "asking", 8), 2.5),
    least("asking req/s at 32 / kyverno-cel", kyverno(rate, "asking", 32), 2.5),
    most("protected own CPU / echo2", cpu("echo2", "protected"), 1.3),
    most("protected own CPU / floor", cpu("floor", "protected"), 1.3),
    most("asking own CPU / echo2", cpu("echo2", "asking"), 1.3),
    most("protected own CPU / kyverno-cel", cpu("kyverno-cel", "protected"), 0.25),
    most("asking own CPU / kyverno-cel", cpu("kyverno-cel", "asking"), 0.25),
  ];
}

/** What starts and grants say about theirs. Milliseconds. */
export function momentVerdicts(startsMs: readonly number[], honouredMs: readonly number[]): Verdict[] {
  const most = { atLeast: false, unit: "ms" } as const;
  return [
    { what: "start to ready, slowest", value: Math.max(...startsMs), aim: 1000, ...most },
    { what: "grant written to honoured, p99", value: quantile(honouredMs, 0.99), aim: 300, ...most },
  ];
}

/** CPU seconds of the contender's own process for 1,000 pods. */
export function cpuPerThousand(measured: Measured | undefined, workload: Workload): number | undefined {
  const cpu = measured?.cpu?.[workload];
  return cpu && (1000 * cpu.seconds) / cpu.requests;
}

function ratio(ours: number | undefined, theirs: number | undefined): number | undefined {
  return ours === undefined || theirs === undefined ? undefined : ours / theirs;
}
