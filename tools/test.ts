// npm test: static checks, then the tiers of tests from the cheapest to a whole node. `npm test -- unit runtime` runs some.
// Ends with one line, `N passed, N failed`, over all tiers.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Count } from "./count-reporter.ts";
import { run } from "./run.ts";
import { verdict } from "./verdict.ts";

const root = join(import.meta.dirname, "..");
const tiers = ["unit", "apiserver", "runtime", "kernels", "cluster"];
/** The apiserver tier is run on these versions of Kubernetes too. */
const otherVersions = ["v1.34.4", "v1.37.2"];
/** Of its files, those that count on the machine's speed, or on what else runs on it: one at a time (docs/testing.md). */
const oneAtATime = ["faults", "halfopen", "lab", "leader", "limits"];
/** Those that no version decides, or that take too long to run three times. */
const onDefaultAlone = ["certmanager", "cli", "faults", "glob", "halfopen", "lab", "leader", "manifests"];
const asked = process.argv.slice(2);
const unknown = asked.filter((tier) => !tiers.includes(tier));
if (unknown.length > 0) {
  process.stderr.write(`no tier "${unknown.join(", ")}"; there are: ${tiers.join(", ")}\n`);
  process.exit(2);
}

const scratch = mkdtempSync(join(tmpdir(), "schedgate-test-"));
const counts = join(scratch, "counts");
writeFileSync(counts, "");

/** Runs one tier; of the API server's, what may differ on other versions of Kubernetes there too. */
async function runTier(tier: string): Promise<boolean> {
  if (tier === "unit") return runJest(tier);
  // They share the machine.
  if (tier !== "apiserver") return runJest(tier, ["--runInBand", "--forceExit"]);
  // A file has a lab of its own, and mostly waits.
  const sideBySide = ["--maxWorkers", "2", "--forceExit", "--testPathPatterns"];
  const inTurn = ["--runInBand", "--forceExit", "--testPathPatterns"];
  const outcomes = [
    await runJest(tier, [...sideBySide, allBut(oneAtATime)]),
    await runJest(tier, [...inTurn, any(oneAtATime)]),
  ];
  const alsoElsewhere = oneAtATime.filter((file) => !onDefaultAlone.includes(file));
  for (const version of otherVersions) {
    const on = { SCHEDGATE_KUBERNETES: version };
    outcomes.push(await runJest(tier, [...sideBySide, allBut([...oneAtATime, ...onDefaultAlone])], on));
    outcomes.push(await runJest(tier, [...inTurn, any(alsoElsewhere)], on));
  }
  return outcomes.every(Boolean);
}

function any(files: readonly string[]): string {
  return `apiserver/(${files.join("|")})\\.test`;
}

function allBut(files: readonly string[]): string {
  return `apiserver/(?!(${files.join("|")})\\.test)`;
}

/**
 * One run of jest. Where it is told to, a finished run ends by force: Node's own clean-up can wait for ever (spinning in uv_run)
 * for requests of sockets that were cut while their other end was halted.
 */
async function runJest(
  tier: string,
  how: readonly string[] = [],
  environment: Record<string, string> = {},
): Promise<boolean> {
  const started = Date.now();
  const title = [tier, ...Object.values(environment)].join(" on ");
  process.stdout.write(`\n== ${title}\n`);
  const args = [
    "--experimental-vm-modules",
    join(root, "node_modules/jest/bin/jest.js"),
    "--selectProjects",
    tier,
    ...how,
  ];
  args.push("--reporters", "default", "--reporters", join(root, "tools/count-reporter.ts"));
  const before = readCounts().length;
  const code = await run(process.execPath, ["--disable-warning=ExperimentalWarning", ...args], {
    ...process.env,
    ...environment,
    SCHEDGATE_TEST_COUNTS: counts,
  });
  process.stdout.write(`== ${title}: ${((Date.now() - started) / 1000).toFixed(0)} s\n`);
  // A runner that dies before it can report is a failure, not an absence of tests.
  if (readCounts().length === before) record({ passed: 0, failed: 1, skipped: 0 });
  return code === 0;
}

function readCounts(): Count[] {
  return readFileSync(counts, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Count);
}

function record(count: Count): void {
  writeFileSync(counts, `${JSON.stringify(count)}\n`, { flag: "a" });
}

/** The static checks count as one test, so that a type error can't hide behind green tests. */
async function runChecks(): Promise<boolean> {
  process.stdout.write("== check\n");
  const code = await run(process.execPath, [join(root, "tools/check.ts")]);
  record(code === 0 ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 });
  return code === 0;
}

const outcomes: boolean[] = [];
if (asked.length === 0) outcomes.push(await runChecks());
for (const tier of asked.length === 0 ? tiers : asked) outcomes.push(await runTier(tier));

const { line, passed } = verdict(readCounts(), process.env["CI"] === "true");
rmSync(scratch, { recursive: true });
process.exitCode = outcomes.every(Boolean) && passed ? 0 : 1;
process.stdout.write(`\n${line}\n`);
