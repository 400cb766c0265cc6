import { p50, p99, rate } from "./figures.ts";
import { CONCURRENCIES } from "./run.ts";
import type { Measured } from "./run.ts";
import { cpuPerThousand, isMet } from "./verdicts.ts";
import type { Verdict } from "./verdicts.ts";
import { WORKLOADS } from "./workloads.ts";
import type { Workload } from "./workloads.ts";

/** How a report is written. */
export interface Style {
  title: (text: string) => string;
  table: (rows: readonly (readonly string[])[]) => string;
}

/** For a terminal: aligned columns, the first to the left. */
export const plain: Style = {
  title: (text) => `\n${text}\n`,
  table: (rows) => {
    const widths = (rows[0] ?? []).map((_, n) => Math.max(...rows.map((row) => (row[n] ?? "").length)));
    const line = (row: readonly string[]): string =>
      row
        .map((cell, n) => (n === 0 ? cell.padEnd(widths[n] ?? 0) : cell.padStart(widths[n] ?? 0)))
        .join("  ");
    return rows.map((row) => `${line(row).trimEnd()}\n`).join("");
  },
};

/** For docs/benchmarks.md: to be pasted as it is. */
export const markdown: Style = {
  title: (text) => `\n**${text}**\n\n`,
  table: ([head = [], ...rows]) => {
    const line = (row: readonly string[]): string => `| ${row.join(" | ")} |\n`;
    return [head, head.map((_, n) => (n === 0 ? "---" : "---:")), ...rows].map(line).join("");
  },
};

/** Latency and throughput of each contender, one table a workload. */
export function loadTables(all: ReadonlyMap<string, Measured>, { title, table }: Style): string {
  return WORKLOADS.map((each) => title(`${each} pod`) + table(loadRows(all, each))).join("");
}

function loadRows(all: ReadonlyMap<string, Measured>, workload: Workload): string[][] {
  const head = CONCURRENCIES.flatMap((each) => [`p50 at ${each}`, "/none", "p99", "req/s"]);
  const rows = [...all].map(([name, measured]) => [
    name,
    ...CONCURRENCIES.flatMap((connections) => {
      const cell = measured.cells[workload][connections];
      const base = all.get("none")?.cells[workload][connections];
      if (cell === undefined) return ["", "", "", ""];
      const ratio = base === undefined ? "" : (p50(cell) / p50(base)).toFixed(2);
      return [p50(cell).toFixed(2), ratio, p99(cell).toFixed(1), rate(cell).toFixed(0)];
    }),
    cpuPerThousand(measured, workload)?.toFixed(3) ?? "",
  ]);
  return [["", ...head, "CPU s/1,000"], ...rows];
}

/** Peak memory of each contender's process, and what the generator itself cost. */
export function usageTable(all: ReadonlyMap<string, Measured>, { title, table }: Style): string {
  const rows = [...all].map(([name, { peakRssBytes, load }]) => [
    name,
    peakRssBytes === undefined ? "" : (peakRssBytes / 1e6).toFixed(0),
    ((1000 * load.cpuSeconds) / load.requests).toFixed(3),
  ]);
  return (
    title("memory, and the generator") + table([["", "peak RSS MB", "generator's CPU s/1,000"], ...rows])
  );
}

/** Each aim with the figure, and whether it is met. */
export function verdictTable(verdicts: readonly Verdict[], { title, table }: Style): string {
  const rows = verdicts.map((each) => {
    const met = isMet(each);
    const { what, value, aim, atLeast, unit } = each;
    return [
      what,
      value === undefined ? "-" : `${digits(value)} ${unit}`,
      `${atLeast ? "≥" : "≤"} ${aim} ${unit}`,
      met === undefined ? "not measured" : met ? "met" : "missed",
    ];
  });
  return title("aims") + table([["what", "figure", "aim", "verdict"], ...rows]);
}

function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(3);
}
