import type { ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { freePorts } from "../lab/ports.ts";
import { waitFor } from "../lab/wait.ts";
import { PARENT, type TestContainer, container } from "./container.ts";
import { startDaemon } from "./daemon.ts";
import { type Home, makeHome } from "./home.ts";
import {
  changedSettings,
  cpusetRoot,
  isolatedCpus,
  lastCpu,
  online,
  removeCgroups,
  settings,
} from "./kernel.ts";

let home: Home;
let before: Map<string, string>;
let port: number;
let daemon: ChildProcess | undefined;
let one: TestContainer;

async function daemonReady(): Promise<void> {
  await waitFor({ what: "ready daemon", timeoutMs: 30_000 }, async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
    return answer?.status === 200 ? true : undefined;
  });
}

async function killDaemon(): Promise<void> {
  if (daemon === undefined) return;
  const ended = new Promise((resolve) => daemon?.once("exit", resolve));
  daemon.kill("SIGKILL");
  await ended;
  daemon = undefined;
}

function isolatedBecomes(cpus: string): Promise<true> {
  return waitFor({ what: `isolation of "${cpus}"`, timeoutMs: 15_000, intervalMs: 20 }, () =>
    Promise.resolve(isolatedCpus() === cpus ? (true as const) : undefined),
  );
}

beforeAll(async () => {
  expect(isolatedCpus()).toBe("");
  before = settings();
  home = await makeHome();
  [port = 0] = await freePorts(1);
}, 60_000);

afterEach(async () => {
  await one.run("delete", "--force", one.id);
  await isolatedBecomes("").catch(() => undefined);
  await killDaemon();
  removeCgroups();
}, 30_000);

afterAll(() => {
  home.remove();
});

async function isolatedContainer(id: string): Promise<TestContainer> {
  one = container(home, { id, cpus: lastCpu, ask: "enabled" });
  await one.create();
  expect(await one.start()).toMatchObject({ code: 0 });
  await isolatedBecomes(lastCpu);
  return one;
}

describe("the daemon", () => {
  test("gives the CPUs of a killed container back, although nobody calls delete", async () => {
    daemon = startDaemon(home, port);
    await daemonReady();
    const killed = await isolatedContainer("killed");
    process.kill(killed.pid(), "SIGKILL");
    await isolatedBecomes("");
    await waitFor({ what: "end of the before-file", timeoutMs: 5000 }, () =>
      Promise.resolve(existsSync(join(home.run, "before.json")) ? undefined : true),
    );
    expect(changedSettings(before)).toEqual([]);
  }, 60_000);

  test("mends what a new cpuset with all CPUs brings back", async () => {
    daemon = startDaemon(home, port);
    await daemonReady();
    await isolatedContainer("watched");
    const dir = join(cpusetRoot, PARENT, "newcomer");
    mkdirSync(dir);
    writeFileSync(join(dir, "cpuset.cpus"), `0-${online.at(-1) ?? 0}`);
    expect(await isolatedBecomes(lastCpu)).toBe(true);
    rmdirSync(dir);
  }, 60_000);

  test("that was killed puts right, at its next start, what happened meanwhile", async () => {
    daemon = startDaemon(home, port);
    await daemonReady();
    const watched = await isolatedContainer("meanwhile");
    await killDaemon();
    const dir = join(cpusetRoot, PARENT, "newcomer");
    mkdirSync(dir);
    writeFileSync(join(dir, "cpuset.cpus"), `0-${online.at(-1) ?? 0}`);
    daemon = startDaemon(home, port);
    await daemonReady();
    expect(isolatedCpus()).toBe(lastCpu);
    await killDaemon();
    process.kill(watched.pid(), "SIGKILL");
    daemon = startDaemon(home, port);
    await daemonReady();
    await isolatedBecomes("");
    rmdirSync(dir);
    expect(changedSettings(before)).toEqual([]);
  }, 60_000);

  test.each<[string, (entry: string) => void]>([
    [
      "deleted with the whole ledger",
      () => {
        rmSync(join(home.run, "ledger"), { recursive: true });
      },
    ],
    [
      "torn",
      (entry) => {
        writeFileSync(entry, readFileSync(entry, "utf8").slice(0, 40));
      },
    ],
  ])(
    "writes an entry anew that was %s, from the living container",
    async (_, damage) => {
      daemon = startDaemon(home, port);
      await daemonReady();
      const lost = await isolatedContainer("lost");
      const entry = join(home.run, "ledger/lost.json");
      damage(entry);
      await waitFor({ what: "the entry", timeoutMs: 10_000, intervalMs: 20 }, () =>
        Promise.resolve(
          existsSync(entry) && readFileSync(entry, "utf8").includes(`"pid":${lost.pid()},`)
            ? true
            : undefined,
        ),
      );
      expect(await isolatedBecomes(lastCpu)).toBe(true);
      rmSync(`${entry}.unusable`, { force: true });
    },
    60_000,
  );

  test("tells its state as metrics", async () => {
    daemon = startDaemon(home, port);
    await daemonReady();
    await isolatedContainer("measured");
    await waitFor({ what: "metric", timeoutMs: 10_000 }, async () => {
      const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      return /^schedgate_isolated_cpus 1$/m.test(text) && /^schedgate_isolation_unproven 0$/m.test(text)
        ? true
        : undefined;
    });
    expect((await fetch(`http://127.0.0.1:${port}/livez`)).status).toBe(200);
  }, 60_000);
});
