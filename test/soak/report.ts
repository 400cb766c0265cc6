import { FAULTS } from "./faults/faults.ts";
import { ENTITLED } from "./kinds.ts";
import type { Kind } from "./kinds.ts";
import { sum } from "./tally.ts";
import type { Count, Phase } from "./tally.ts";

/** What must not have happened, a line each; empty where the soak holds. */
export function breaches(phases: readonly Phase[]): string[] {
  return phases.flatMap(({ fault, kinds, broken }) => {
    const excused = FAULTS.find((each) => each.name === fault)?.excused !== undefined;
    const may = (kind: Kind): boolean => kind === "unentitled" || (excused && kind !== "ordinary");
    const found = Object.entries(kinds).flatMap(([kind, count]) => [
      ...lines(fault, kind, count.wrong),
      ...(may(kind as Kind) ? [] : lines(fault, kind, count.failed)),
      // Room is taken by a write: where the API server takes none, nobody can say more.
      ...(may(kind as Kind) || kind === "limited" || count.again === 0
        ? []
        : [`${fault}, ${kind}: ${count.again} × told to try again`]),
    ]);
    return broken === undefined ? found : [...found, `${fault}: ${broken}`];
  });
}

function lines(fault: string, kind: string, counts: Record<string, number>): string[] {
  return Object.entries(counts).map(([reason, count]) => `${fault}, ${kind}: ${count} × ${reason}`);
}

/** The table for a person, in Markdown. Phases of one fault are one row. */
export function report(phases: readonly Phase[]): string {
  const names = [...new Set(phases.map((each) => each.fault))];
  const rows = names.map((name) =>
    row(
      name,
      phases.filter((each) => each.fault === name),
    ),
  );
  const found = breaches(phases);
  return [
    "| fault | times | s | granted pods made | of them limited | failed calls | told to try again | ordinary made | failed | without right refused | made | unanswered |",
    "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ...rows,
    "",
    ...phases.flatMap(({ fault, notes }) => notes.map((each) => `${fault}: ${each}`)),
    ...reasons(phases),
    `load of the machine: ${phases.map((each) => each.load.toFixed(0)).join(" ")}`,
    found.length === 0 ? "nothing that must not happen" : `MUST NOT HAPPEN:\n${found.join("\n")}`,
    "",
  ].join("\n");
}

function row(name: string, phases: readonly Phase[]): string {
  const title = FAULTS.find((each) => each.name === name)?.title ?? "none, or between two";
  const total = (kinds: readonly Kind[], of: (count: Count) => number): number =>
    phases.reduce((all, phase) => all + kinds.reduce((some, kind) => some + of(phase.kinds[kind]), 0), 0);
  const seconds = phases.reduce((all, each) => all + each.seconds, 0).toFixed(0);
  const failed = (count: Count): number => sum(count.failed);
  const done = (count: Count): number => count.done;
  const cells = [
    ...[title, phases.reduce((all, each) => all + each.times, 0), seconds],
    ...[total(ENTITLED, done), total(["limited"], done), total(ENTITLED, failed)],
    total(ENTITLED, (count) => count.again),
    ...[total(["ordinary"], done), total(["ordinary"], failed)],
    ...[total(["unentitled"], done), total(["unentitled"], (count) => sum(count.wrong))],
    total([...ENTITLED, "ordinary", "unentitled"], (count) => count.unanswered),
  ];
  return `| ${cells.join(" | ")} |`;
}

/** Why calls failed, by fault and kind. */
function reasons(phases: readonly Phase[]): string[] {
  return phases.flatMap(({ fault, kinds }) =>
    Object.entries(kinds).flatMap(([kind, count]) => lines(fault, kind, count.failed)),
  );
}
