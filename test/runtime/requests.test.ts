import { type ChildProcess, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { formatCpuSet } from "../../common/cpuset.ts";
import { nodeHostFs } from "../../node-agent/host/host-fs.ts";
import { fileLock } from "../../node-agent/isolation/lock.ts";
import { statOf } from "../../node-agent/isolation/liveness.ts";
import { type Ledger, ledgerIn } from "../../node-agent/isolation/ledger.ts";
import { exec } from "../lab/exec.ts";
import { freePorts } from "../lab/ports.ts";
import { ensurePrograms } from "../lab/prerequisites.ts";
import { waitFor } from "../lab/wait.ts";
import { type ContainerSpec, type TestContainer, container, recordCpus } from "./container.ts";
import { startDaemon } from "./daemon.ts";
import { type Home, configure, hooksOf, makeHome } from "./home.ts";
import { changedSettings, isolatedCpus, lastCpu, removeCgroups, settings } from "./kernel.ts";
import { call, makeProbe } from "./probe.ts";

let home: Home;
let before: Map<string, string>;
let port: number;
let daemon: ChildProcess | undefined;
const made: TestContainer[] = [];

beforeAll(async () => {
  expect(isolatedCpus()).toBe("");
  before = settings();
  await ensurePrograms([{ program: "busybox", package: "busybox-static" }], () => undefined);
  home = await makeHome();
  [port = 0] = await freePorts(1);
}, 60_000);

beforeEach(() => {
  writeFileSync(home.kubeletState, JSON.stringify({ policyName: "static", entries: {} }));
});

afterEach(async () => {
  restoreCompanion();
  configure(home);
  for (const one of made.splice(0)) await one.run("delete", "--force", one.id);
  await nothingLeft();
  await end(daemon);
  daemon = undefined;
  removeCgroups();
}, 60_000);

afterAll(() => {
  home.remove();
});

function make(spec: Partial<ContainerSpec> & { id: string }, launcher = true): TestContainer {
  const one = container(home, { cpus: lastCpu, ask: "enabled", ...spec }, launcher);
  made.push(one);
  return one;
}

async function serve(more: NodeJS.ProcessEnv = {}): Promise<void> {
  daemon = startDaemon(home, port, more);
  const pid = String(daemon.pid);
  await waitFor({ what: "daemon that serves", timeoutMs: 30_000, intervalMs: 20 }, () =>
    Promise.resolve(read("daemon").startsWith(`${pid} `) ? true : undefined),
  );
}

async function end(child: ChildProcess | undefined, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  await ended;
}

/** Whatever is isolated from then on, the daemon did it. */
function hideCompanion(): void {
  renameSync(home.companion, `${home.companion}.hidden`);
}

function restoreCompanion(): void {
  if (existsSync(`${home.companion}.hidden`)) renameSync(`${home.companion}.hidden`, home.companion);
}

function read(name: string): string {
  return existsSync(join(home.run, name)) ? readFileSync(join(home.run, name), "utf8") : "";
}

async function nothingLeft(): Promise<void> {
  await waitFor({ what: "end of isolation", timeoutMs: 20_000, intervalMs: 20 }, () =>
    Promise.resolve(!existsSync(join(home.run, "before.json")) && owners().length === 0 ? true : undefined),
  );
  expect(isolatedCpus()).toBe("");
  expect(changedSettings(before)).toEqual([]);
}

function owners(): string[] {
  return ledger()
    .read()
    .owners.map(({ id }) => id);
}

function cpusOf(...all: readonly (TestContainer | undefined)[]): (string | undefined)[] {
  return all.map((one) => ledger().find(one?.id ?? "")?.cpus);
}

function ledger(): Ledger {
  return ledgerIn(nodeHostFs(), join(home.run, "ledger"));
}

function uidOf(one: TestContainer | undefined): string {
  return one?.cgroup.split("/")[1]?.slice(3) ?? "";
}

/** Whether the process has the FIFO open in which a launcher waits for its answer about the container. */
function holdsReply(child: ChildProcess | undefined, id: string): boolean {
  const dir = `/proc/${String(child?.pid)}/fd`;
  const open = readdirSync(dir).map((fd) => {
    try {
      return readlinkSync(join(dir, fd));
    } catch {
      return ""; // closed meanwhile
    }
  });
  return open.some((path) => path.includes(`/asks/${id}/reply-`));
}

function repliesLeft(...all: readonly TestContainer[]): string[] {
  const dirs = all.map(({ id }) => join(home.run, "asks", id));
  return dirs.flatMap((dir) => readdirSync(dir)).filter((name) => name.startsWith("reply-"));
}

async function millisecondsOf(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** Holds the lock that whoever isolates needs, until the function that it gives is called. */
async function holdLock(): Promise<() => Promise<void>> {
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  let ended: Promise<void> = Promise.resolve();
  await new Promise<void>((taken) => {
    ended = fileLock(join(home.run, "lock"))(() => {
      taken();
      return released;
    });
  });
  return () => {
    release();
    return ended;
  };
}

describe("while the daemon serves", () => {
  test("it isolates at start and gives back at delete, and no companion is needed", async () => {
    await serve();
    hideCompanion();
    const one = make({ id: "served" });
    await one.create();
    expect(await one.start()).toMatchObject({ code: 0, stdout: "", stderr: "" });
    expect(isolatedCpus()).toBe(lastCpu);
    expect(repliesLeft(one)).toEqual([]);
    expect(await one.remove()).toMatchObject({ code: 0 });
    await nothingLeft();
  }, 60_000);

  test.each(["/bin/busybox ash", "/bin/bash"])(
    "a launcher run by %s is served",
    async (shell) => {
      const text = readFileSync(home.launcher, "utf8");
      await serve();
      hideCompanion();
      writeFileSync(home.launcher, text.replace("#!/bin/sh", `#!${shell}`));
      const one = make({ id: "other-shell" });
      await one.create();
      expect(await one.start()).toMatchObject({ code: 0, stdout: "", stderr: "" });
      expect(isolatedCpus()).toBe(lastCpu);
      expect(await one.remove()).toMatchObject({ code: 0 });
      await nothingLeft();
      writeFileSync(home.launcher, text);
    },
    60_000,
  );

  test("OCI hooks are served too: isolated at create, given back at the container's end", async () => {
    await serve();
    hideCompanion();
    const one = make({ id: "hooked", hooks: hooksOf(home) }, false);
    expect(await one.create()).toMatchObject({ code: 0 });
    expect(isolatedCpus()).toBe(lastCpu);
    expect(repliesLeft(one)).toEqual([]);
    expect(await one.start()).toMatchObject({ code: 0 });
    expect(await one.remove()).toMatchObject({ code: 0 });
    await nothingLeft();
  }, 60_000);

  test.each([
    ["id", "forged"],
    ["pid", 1],
    ["bundle", "/nonexistent"],
  ])(
    "a hook that takes a pod's own word for the container's %s is left to the companion, which reads JSON",
    async (key, forged) => {
      await serve();
      const one = make({ id: "forged-state" });
      await one.create();
      const { id, bundle } = one;
      // No runtime is known to write the annotations first.
      const input = JSON.stringify({ annotations: { [key]: forged }, id, pid: one.pid(), bundle });
      hideCompanion();
      expect(await exec(home.hook, ["createRuntime"], { input })).toMatchObject({ code: 1 });
      expect(isolatedCpus()).toBe("");
      restoreCompanion();
      expect(await exec(home.hook, ["createRuntime"], { input })).toMatchObject({ code: 0 });
      expect(isolatedCpus()).toBe(lastCpu);
    },
    60_000,
  );

  test("what it refuses the companion refuses too, and containerd's log file says why", async () => {
    await serve();
    const one = make({ id: "refused", cpus: "0" });
    recordCpus(home, uidOf(one), lastCpu);
    await one.create();
    expect(await one.start()).toMatchObject({ code: 1 });
    const last = readFileSync(join(one.bundle, "log.json"), "utf8").trim().split("\n").at(-1) ?? "";
    expect(JSON.parse(last)).toMatchObject({
      level: "error",
      msg: expect.stringContaining(`schedgate: the kubelet pinned CPUs ${lastCpu}, the kernel has 0`),
    });
  }, 60_000);

  test.each([
    ["is isolated", "test/static", lastCpu],
    ["is not isolated", "test/another", ""],
  ])(
    "a container of a static pod %s where the node's list says %s",
    async (_, listed, isolated) => {
      await serve();
      hideCompanion();
      writeFileSync(join(home.dir, "static-pods"), `${listed}\n`);
      configure(home, `schedgate_static_pods='${join(home.dir, "static-pods")}'`);
      const one = make({ id: "static", annotations: { "kubernetes.io/config.source": "file" } });
      await one.create();
      expect(await one.start()).toMatchObject({ code: 0 });
      expect(isolatedCpus()).toBe(isolated);
    },
    60_000,
  );

  test("forgets with a container's end what a create left that was killed long ago", async () => {
    await serve();
    const asks = join(home.run, "asks");
    mkdirSync(join(asks, "killed"), { recursive: true });
    utimesSync(join(asks, "killed"), 0, 0);
    const one = make({ id: "ended" });
    await one.create();
    await one.start();
    rmSync(join(one.bundle, "config.json"));
    expect(await one.remove()).toMatchObject({ code: 0 });
    await waitFor({ what: "end of the notes", timeoutMs: 20_000, intervalMs: 20 }, () =>
      Promise.resolve(["killed", "ended"].some((id) => existsSync(join(asks, id))) ? undefined : true),
    );
  }, 60_000);

  test.each([
    ["by the daemon", 1],
    ["every second by the companion", 2],
  ])(
    "20 containers start and stop at once, %s, two of them with CPUs of their own",
    async (_, step) => {
      await serve();
      if (step === 1) hideCompanion();
      const all = Array.from({ length: 20 }, (_, index) =>
        make({ id: `at-once-${index}`, cpus: index === 0 ? "0" : lastCpu }),
      );
      const [first, second] = all;
      writeFileSync(home.kubeletState, JSON.stringify({ policyName: "static", entries: {} }));
      recordCpus(home, uidOf(first), "0");
      recordCpus(home, uidOf(second), lastCpu);
      for (const one of all) expect(await one.create()).toMatchObject({ code: 0 });
      // Without this copy of its bundle the launcher asks the companion.
      for (const { id } of all.filter((_, index) => index % step !== 0))
        rmSync(join(home.run, "asks", id, "config.json"));
      const started = await Promise.all(all.map((one) => one.start()));
      expect(started.map(({ code }) => code)).toEqual(all.map(() => 0));
      expect(owners().sort()).toEqual(all.map(({ id }) => id).sort());
      expect(cpusOf(first, second)).toEqual(["0", lastCpu]);
      expect(isolatedCpus()).toBe(formatCpuSet([0, Number(lastCpu)]));
      expect(repliesLeft(...all)).toEqual([]);
      await Promise.all(all.map((one) => one.remove()));
      await nothingLeft();
      const free = await holdLock();
      await free();
    },
    180_000,
  );
});

describe("a daemon that does not answer", () => {
  test("cannot isolate from where it runs: the companion does, at once", async () => {
    await serve({ SCHEDGATE_CGROUP_ROOT: "/nonexistent" });
    const one = make({ id: "able" });
    await one.create();
    expect(await one.start()).toMatchObject({ code: 0 });
    expect(isolatedCpus()).toBe(lastCpu);
    expect(repliesLeft(one)).toEqual([]);
  }, 60_000);

  test("was killed: the companion takes over at once", async () => {
    await serve();
    await end(daemon);
    const one = make({ id: "orphan" });
    await one.create();
    expect(await millisecondsOf(() => one.start())).toBeLessThan(5000);
    expect(isolatedCpus()).toBe(lastCpu);
  }, 60_000);

  test("is stopped: the companion takes over at once", async () => {
    await serve();
    daemon?.kill("SIGSTOP");
    const one = make({ id: "stopped" });
    await one.create();
    expect(await millisecondsOf(() => one.start())).toBeLessThan(5000);
    expect(isolatedCpus()).toBe(lastCpu);
    daemon?.kill("SIGCONT");
  }, 60_000);

  test("is killed between request and answer: the companion takes over at once", async () => {
    await serve();
    const one = make({ id: "between" });
    await one.create();
    const free = await holdLock();
    const started = one.start();
    await waitFor({ what: "daemon at work", timeoutMs: 8000, intervalMs: 5 }, () =>
      Promise.resolve(holdsReply(daemon, one.id) ? true : undefined),
    );
    const took = await millisecondsOf(async () => {
      await end(daemon);
      await free();
      expect(await started).toMatchObject({ code: 0 });
    });
    expect(took).toBeLessThan(5000);
    expect(isolatedCpus()).toBe(lastCpu);
  }, 60_000);

  test("is stopped while it holds the lock: the start is refused in bounds, and goes well later", async () => {
    await serve();
    const one = make({ id: "seized" });
    await one.create();
    const free = await holdLock();
    const started = one.start();
    await waitFor({ what: "daemon at work", timeoutMs: 8000, intervalMs: 5 }, () =>
      Promise.resolve(holdsReply(daemon, one.id) ? true : undefined),
    );
    daemon?.kill("SIGSTOP");
    // As if the daemon held it.
    const took = await millisecondsOf(async () => {
      expect(await started).toMatchObject({ code: 1 });
    });
    expect(took).toBeLessThan(30_000);
    expect(readFileSync(join(one.bundle, "log.json"), "utf8")).toContain("was held by another process");
    await free();
    daemon?.kill("SIGCONT");
    expect(await one.start()).toMatchObject({ code: 0 });
    expect(isolatedCpus()).toBe(lastCpu);
  }, 90_000);

  test("hangs: the companion takes over after 10 seconds", async () => {
    const one = make({ id: "hung" });
    await one.create();
    // A process that lives and holds the FIFO, and never reads it.
    const [fifo, hung] = [join(home.run, "requests"), join(home.run, "daemon")];
    rmSync(fifo, { force: true });
    const holder = spawn("/bin/sh", ["-c", `mkfifo '${fifo}'; exec sleep 60 3<>'${fifo}'`]);
    await waitFor({ what: "FIFO", timeoutMs: 5000 }, () =>
      Promise.resolve(existsSync(fifo) ? true : undefined),
    );
    writeFileSync(hung, `${String(holder.pid)} ${statOf(nodeHostFs(), holder.pid ?? 0)?.startTime ?? ""}\n`);
    const took = await millisecondsOf(async () => {
      expect(await one.start()).toMatchObject({ code: 0 });
    });
    await end(holder);
    expect(took).toBeGreaterThan(9000);
    expect(took).toBeLessThan(20_000);
    expect(isolatedCpus()).toBe(lastCpu);
    expect(repliesLeft(one)).toEqual([]);
  }, 60_000);
});

describe.each([
  ["the daemon", true],
  ["the companion", false],
])("a call for a container that asks, which %s serves first,", (_, served) => {
  test.each([["start"], ["update", "--cpuset-cpus", lastCpu], ["delete"]])(
    "reaches the low-level runtime as it was made: %s",
    async (command, ...options) => {
      if (served) {
        await serve();
        hideCompanion();
      }
      const one = make({ id: "matched" });
      await one.create();
      if (command !== "start") expect(await one.start()).toMatchObject({ code: 0 });
      if (command === "update") recordCpus(home, one.cgroup.split("/")[1]?.slice(3) ?? "", "");
      const probe = makeProbe(home.dir);
      configure(home, `schedgate_runc='${probe}'`);
      const args = ["--root", join(home.dir, "state"), command, ...options, one.id];
      const answer = command === "update" ? 0 : 7; // nothing follows an update that failed
      const bare = await call(probe, args, answer);
      expect(await call(home.launcher, args, answer)).toEqual(bare);
      expect(bare).toMatchObject({ code: answer, stdout: expect.stringMatching(/\n0:flags:\t0\d*\n/) });
      // It was no call that is let through unseen.
      if (command === "start") expect(isolatedCpus()).toBe(lastCpu);
      if (command === "update") expect(isolatedCpus()).toBe("");
      configure(home);
      expect(await one.remove()).toMatchObject({ code: 0 });
    },
    60_000,
  );
});

describe.each([
  ["the daemon", true, true],
  ["the companion", false, false],
  ["the companion, since the daemon of its start is gone,", true, false],
])("an update that %s follows", (_, served, stays) => {
  test("moves the isolation from a first wrong cpuset, to another CPU, and to none", async () => {
    if (served) await serve();
    configure(home, "schedgate_on_failure=allow");
    const one = make({ id: "moved", cpus: "0" });
    const uid = uidOf(one);
    recordCpus(home, uid, lastCpu); // kubernetes#138731: the kernel still has another list
    await one.create();
    expect(await one.start()).toMatchObject({ code: 0 });
    expect(isolatedCpus()).toBe("");
    // It was let start by the companion, which knows that a failure allows that.
    if (stays) hideCompanion();
    else await end(daemon);
    expect(await one.run("update", "--cpuset-cpus", lastCpu, one.id)).toEqual({
      code: 0,
      stdout: "",
      stderr: "",
    });
    expect(isolatedCpus()).toBe(lastCpu);
    recordCpus(home, uid, "0");
    expect(await one.run("update", "--cpuset-cpus", "0", one.id)).toMatchObject({ code: 0 });
    expect(isolatedCpus()).toBe("0");
    recordCpus(home, uid, "");
    expect(await one.run("update", "--cpuset-cpus", `0-${lastCpu}`, one.id)).toMatchObject({ code: 0 });
    expect(isolatedCpus()).toBe("");
    expect(owners()).toEqual(["moved"]);
  }, 60_000);
});
