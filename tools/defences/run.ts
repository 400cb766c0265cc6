import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { editsOf, tierOf } from "./defence.ts";
import type { Defence, Edit } from "./defence.ts";

/** A copy of the tree in which a defence can be taken away. */
export interface Scratch {
  /** Runs the tests of these defences as the tree is. */
  baseline(defences: readonly Defence[]): Promise<Outcome>;
  /** Runs the test of one defence without it, and puts it back. */
  without(defence: Defence): Promise<Outcome>;
  remove(): Promise<void>;
}

/** What ran. A suite that did not even load says nothing about a defence, nor does a test whose surroundings never stood. */
export interface Outcome {
  passed: number;
  failed: number;
  /** Suites that did not load, and tests that failed before they began. */
  unloaded: number;
  /** Why the first test failed, in short. */
  because: string;
  /** What jest said, for people. */
  output: string;
}

interface Report {
  numPassedTests: number;
  numRuntimeErrorTestSuites: number;
  testResults: {
    assertionResults: { status: string; fullName: string; failureMessages: string[] }[];
  }[];
}

/** Copies all that git knows or would add, and links the packages. */
export async function copyTree(root: string): Promise<Scratch> {
  const list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const { stdout } = await promisify(execFile)("git", list, { cwd: root, maxBuffer: 1 << 26 });
  const directory = await mkdtemp(join(tmpdir(), "schedgate-defences-"));
  for (const file of new Set(stdout.split("\0").filter((each) => each !== ""))) {
    await mkdir(dirname(join(directory, file)), { recursive: true });
    await copyFile(join(root, file), join(directory, file));
  }
  await symlink(join(root, "node_modules"), join(directory, "node_modules"));
  return {
    baseline: (defences) => runTests(directory, defences),
    without: async (defence) => {
      const held = new Map<string, string>();
      try {
        for (const each of editsOf(defence)) {
          const path = join(directory, each.file);
          const text = await readFile(path, "utf8");
          if (!held.has(path)) held.set(path, text);
          await writeFile(path, takenAway(text, each));
        }
        return await runTests(directory, [defence]);
      } finally {
        for (const [path, text] of held) await writeFile(path, text);
      }
    },
    remove: () => rm(directory, { recursive: true }),
  };
}

/** The file without the defence. @throws where the text does not occur exactly once: then the list is out of date. */
export function takenAway(whole: string, { file, text, without }: Edit): string {
  const [before = "", after, ...more] = whole.split(text);
  if (after === undefined || more.length > 0) {
    throw new Error(`${file} must hold this exactly once: ${text}`);
  }
  return before + without + after;
}

/** The named tests, of one tier, and no others. */
async function runTests(directory: string, defences: readonly Defence[]): Promise<Outcome> {
  const [first] = defences;
  if (first === undefined) return { passed: 0, failed: 0, unloaded: 0, because: "", output: "" };
  const report = join(directory, "report.json");
  await rm(report, { force: true });
  const names = defences.map(({ test }) => test.name.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  const args = ["--experimental-vm-modules", join(directory, "node_modules/jest/bin/jest.js")];
  args.push("--selectProjects", tierOf(first), "--json", "--outputFile", report, "--runInBand");
  // What a test left that failed must not keep its run from ending.
  args.push("--forceExit");
  args.push("--testNamePattern", [...new Set(names)].join("|"));
  args.push("--runTestsByPath", ...new Set(defences.map(({ test }) => join(directory, test.file))));
  args.push("--setupFilesAfterEnv", join(directory, "tools/defences/began.ts"));
  const begins = join(directory, "tools/defences/began.txt");
  await writeFile(begins, "");
  const output = await ended(args, directory);
  const begun = (await readFile(begins, "utf8")).split("\n");
  const said = JSON.parse(await readFile(report, "utf8")) as Report;
  const all = said.testResults.flatMap(({ assertionResults }) => assertionResults);
  const failed = all.filter(({ status }) => status === "failed");
  const began = failed.filter(({ fullName }) => begun.includes(fullName));
  const unloaded = said.numRuntimeErrorTestSuites + failed.length - began.length;
  const because = (began[0]?.failureMessages[0] ?? "").split(/\n +at /)[0]?.replaceAll(/\s+/g, " ") ?? "";
  return { passed: said.numPassedTests, failed: began.length, unloaded, because, output };
}

/** What the program said; its exit code does not matter here. */
function ended(args: readonly string[], cwd: string): Promise<string> {
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd, maxBuffer: 1 << 26 }, (_, stdout, stderr) => {
      resolve(stdout + stderr);
    });
  });
}
