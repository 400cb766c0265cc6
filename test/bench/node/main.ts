// npm run bench:node [-- --rounds 50]: what the node side costs a container, beside runc alone (docs/benchmarks.md).
import { parseArgs } from "node:util";
import { quantile } from "../admission/figures.ts";
import { plain as terminal } from "../admission/report.ts";
import { crowded, idle, matched, mended, unmatched } from "./measures.ts";
import { openStage } from "./stage.ts";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "50" } } });
const rounds = Number(values.rounds);
if (!Number.isSafeInteger(rounds) || rounds < 1) {
  process.stderr.write(`--rounds ${values.rounds}: not a whole number above 0\n`);
  process.exit(2);
}

const median = (times: readonly number[] = []): number => quantile(times, 0.5);
const p99 = (times: readonly number[] = []): number => quantile(times, 0.99);
const rows: [what: string, figure: number, aim: number | undefined, unit: string][] = [];

const stage = await openStage();
try {
  const plain = await unmatched(stage, rounds);
  const handler = median(plain["handler"]);
  const ratio = (name: string): number => handler / median(plain[name]);
  rows.push(["start + delete of an unmatched container, handler / bare runc", ratio("bare"), 1.05, "×"]);
  rows.push(["the same, handler / a script that only execs runc", ratio("script"), undefined, "×"]);
  const asking = await matched(stage, rounds);
  const bare = median(asking["bare"]);
  rows.push(["matched start, daemon up, more than bare runc", median(asking["up"]) - bare, 12, "ms"]);
  rows.push(["matched start, daemon down, more than bare runc", median(asking["down"]) - bare, 120, "ms"]);
  rows.push(["start to proven isolation and running, p99", p99(asking["up"]), 50, "ms"]);
  rows.push(["a new v1 cgroup to mended, p99", p99(await mended(stage, rounds * 4)), 20, "ms"]);
  const crowd = await crowded(stage, rounds, 200);
  rows.push(["start with 200 in the ledger / with 1", median(crowd["200"]) / median(crowd["1"]), 1.1, "×"]);
  const { cpu, rss } = await idle(stage, 30);
  rows.push(["daemon idle, of a CPU", cpu * 100, 0.1, "%"]);
  rows.push(["daemon idle, resident", rss, 70, "MB"]);
  process.stderr.write(
    `bare runc: start ${bare.toFixed(1)} ms, start + delete ${median(plain["bare"]).toFixed(1)} ms\n`,
  );
} finally {
  await stage.close();
}
const lines = rows.map(([what, figure, aim, unit]) => [
  what,
  `${figure.toFixed(2)} ${unit}`,
  ...(aim === undefined ? ["", ""] : [`≤ ${aim} ${unit}`, figure <= aim ? "met" : "missed"]),
]);
process.stdout.write(terminal.table([["what", "figure", "aim", "verdict"], ...lines]));
