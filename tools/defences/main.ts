// npm run test:defences [-- WORD...]: takes each defence away in a copy of the tree, one after the other, and demands that
// its test fails. A word is a tier (unit, apiserver), or part of what a defence is called.
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { allDefences } from "./all.ts";
import { tierOf } from "./defence.ts";
import type { Defence } from "./defence.ts";
import { copyTree } from "./run.ts";
import type { Outcome } from "./run.ts";

const words = process.argv.slice(2);
const asked = allDefences.filter(
  (each) => words.length === 0 || words.some((word) => word === tierOf(each) || each.what.includes(word)),
);

/** What an outcome says about a defence that was taken away. */
function verdict({ failed, passed, unloaded }: Outcome): "noticed" | "NOT NOTICED" | "NOT RUN" {
  if (unloaded > 0 || failed + passed === 0) return "NOT RUN";
  return failed > 0 ? "noticed" : "NOT NOTICED";
}

const scratch = await copyTree(join(import.meta.dirname, "../.."));
const counts: Record<string, number> = {};
try {
  // A test that fails anyway notices nothing.
  for (const tier of ["unit", "apiserver"]) {
    const named = asked.filter((each) => tierOf(each) === tier);
    const { failed, unloaded, output } = await scratch.baseline(named);
    if (failed + unloaded > 0) throw new Error(`these tests fail with every defence in place:\n${output}`);
  }
  for (const defence of asked) {
    let outcome = await scratch.without(defence);
    // On a busy machine a control plane may take longer to come up than its test waits.
    if (verdict(outcome) === "NOT RUN") outcome = await scratch.without(defence);
    const said = verdict(outcome);
    counts[said] = (counts[said] ?? 0) + 1;
    process.stdout.write(`${said.padEnd(11)} ${nameOf(defence)}\n`);
    if (said === "noticed")
      process.stdout.write(`            ${stripVTControlCharacters(outcome.because).slice(0, 200)}\n`);
    else process.stdout.write(outcome.output.slice(-4_000));
  }
} finally {
  await scratch.remove();
}
process.stdout.write(
  `\n${counts["noticed"] ?? 0} of ${asked.length} defences are missed where they are gone\n`,
);
process.exitCode = asked.length > 0 && counts["noticed"] === asked.length ? 0 : 1;

function nameOf({ what, test }: Defence): string {
  return `${what} (${test.file}: ${test.name})`;
}
