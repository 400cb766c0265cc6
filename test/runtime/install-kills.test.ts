import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { exec } from "../lab/exec.ts";
import { containerdConfiguration } from "../lab/host/containerd.ts";
import { findProgram } from "../lab/prerequisites.ts";
import { waitFor } from "../lab/wait.ts";
import { type BareRuntime, bareRuntime, contents } from "./bare-runtime.ts";

/** A part of those of `npm run test:kills`. */
const KILLS = Math.ceil(Number(process.env["SCHEDGATE_KILLS"] ?? 60) / 5);
/** A whole uninstall after so many: then nothing may be left. */
const ROUND = 5;

/** Which command is killed, and when: in times of what an install with nothing to do takes. */
const kills = fc.array(
  fc.record({
    command: fc.constantFrom("install", "install", "uninstall"),
    moment: fc.double({ min: 0.5, max: 2.5, noNaN: true }),
  }),
  { minLength: KILLS, maxLength: KILLS, size: "max" },
);

let node: BareRuntime;

beforeAll(async () => {
  node = await bareRuntime("containerd");
  mkdirSync(dirname(node.layout.runtimeConfig), { recursive: true });
  writeFileSync(
    node.layout.runtimeConfig,
    `# theirs\n${containerdConfiguration(node)}# no newline at the end`,
  );
  const program = findProgram("containerd", process.env["PATH"]) ?? "containerd";
  await node.start(program, ["--config", node.layout.runtimeConfig]);
}, 600_000);
afterAll(async () => {
  await node.close();
}, 60_000);

describe(`${KILLS} SIGKILLs of the installer at random moments`, () => {
  test(
    "leave a runtime that starts, are completed by the next install, and leave no file behind an uninstall",
    async () => {
      const config = node.layout.runtimeConfig;
      const theirs = readFileSync(config, "utf8");
      const handlers = async (): Promise<string> => (await node.crictl("info")).stdout;
      const becomes = (what: string, holds: (info: string) => boolean): Promise<true> =>
        waitFor({ what, timeoutMs: 60_000 }, async () => {
          const info = await handlers();
          return info !== "" && holds(info) ? (true as const) : undefined;
        });
      await node.installer("install");
      await fc.assert(
        fc.asyncProperty(kills, async (all) => {
          const started = performance.now();
          await node.installer("install");
          const usual = performance.now() - started;
          for (const [index, { command, moment }] of all.entries()) {
            const options = { env: node.installerEnv, timeoutMs: Math.ceil(moment * usual) };
            await exec(process.execPath, [node.installerFile, command], options);
            expect(readFileSync(config, "utf8").startsWith(theirs)).toBe(true);
            if ((index + 1) % ROUND !== 0) continue;
            // It may be starting: the installer had told it to end just before it was killed itself.
            await becomes("a runtime that starts", () => true);
            await node.installer("install");
            await becomes("the handler", (info) => info.includes('"wrapper"'));
            await node.installer("uninstall");
            await becomes("a runtime without the handler", (info) => !info.includes('"wrapper"'));
            expect(readFileSync(config, "utf8")).toBe(theirs);
            for (const gone of ["/opt/schedgate", join(node.dir, "run")])
              expect(existsSync(gone)).toBe(false);
            const beside = [...(await contents(dirname(config))).keys()].filter((path) =>
              path.includes("schedgate-"),
            );
            expect(beside.filter((path) => path.endsWith(".tmp"))).toEqual([]);
          }
        }),
        { numRuns: 1, endOnFailure: true },
      );
    },
    Math.max(300_000, KILLS * 15_000),
  );
});
