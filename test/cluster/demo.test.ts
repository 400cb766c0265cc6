import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { afterEach, describe, expect } from "@jest/globals";
import { difference, footprint } from "../lab/footprint.ts";
import { openProcesses } from "../lab/processes.ts";
import { labName, stateDirectory } from "../lab/state.ts";
import { lacksNode, testOn } from "../prerequisite.ts";

const minutes = 60_000;
const program = join(import.meta.dirname, "../demo/main.ts");
const started: ChildProcess[] = [];

/** The demo as a user runs it; its output is shown only where it failed. */
function demo(...args: string[]): {
  child: ChildProcess;
  output: () => string;
  ended: Promise<number | null>;
} {
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  started.push(child);
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  return { child, output: () => text, ended };
}

/** Resolves when the demo has printed this, or when it ended without. */
function printed(run: ReturnType<typeof demo>, text: string): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (run.output().includes(text)) resolve();
    };
    run.child.stdout?.on("data", look);
    run.child.once("close", () => {
      resolve();
    });
    look();
  });
}

afterEach(() => {
  for (const child of started.splice(0)) child.kill("SIGTERM");
});

describe("the whole way through, from one annotation to CPUs that left the sched domains", () => {
  const combinations = [
    ["vm", "containerd"],
    ["vm", "crio"],
    ["host", "containerd"],
    ["host", "crio"],
  ] as const;
  for (const [node, runtime] of combinations) {
    testOn(lacksNode())(
      `every step of the demo is seen to hold with ${runtime} on a ${node} node, and everything is put back`,
      async () => {
        const run = demo("--node", node, "--runtime", runtime);
        const code = await run.ended;
        if (code !== 0) throw new Error(run.output());
        expect(run.output()).toContain("Every step was seen to hold");
      },
      25 * minutes,
    );
  }

  const moments = [
    ["while it builds", "building the image"],
    ["while the node comes up", "control plane ready"],
    ["in the middle of the demo", "Without a grant"],
  ] as const;
  for (const [when, line] of moments)
    testOn(lacksNode())(
      `Ctrl-C ${when} puts everything back`,
      async () => {
        const before = await footprint();
        const run = demo("--node", "host", "--runtime", "containerd");
        await printed(run, line);
        run.child.kill("SIGINT");
        expect(await run.ended).toBe(1);
        expect(run.output()).toContain("stopped by SIGINT");
        expect(difference(before, await footprint())).toEqual([]);
      },
      10 * minutes,
    );

  testOn(lacksNode())(
    "a step that fails ends the demo with that, and everything is put back",
    async () => {
      const before = await footprint();
      const run = demo("--node", "host", "--runtime", "containerd");
      await printed(run, "Without a grant");
      // Nothing can be shown any more.
      await openProcesses(stateDirectory(labName(undefined, process.env))).end("kube-apiserver", 0);
      expect(await run.ended).toBe(1);
      expect(run.output()).toMatch(/FAILED {2}kubectl .*\n(.*\n)*The demo failed: kubectl /);
      expect(run.output()).toContain("links and chains are as they were");
      expect(difference(before, await footprint())).toEqual([]);
    },
    10 * minutes,
  );
});
