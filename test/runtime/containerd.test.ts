import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Output, exec } from "../lab/exec.ts";
import { ensurePrograms } from "../lab/prerequisites.ts";
import { freePorts } from "../lab/ports.ts";
import { waitFor } from "../lab/wait.ts";
import { type TestContainer, container } from "./container.ts";
import { startDaemon } from "./daemon.ts";
import { type Home, makeHome } from "./home.ts";
import { changedSettings, isolatedCpus, lastCpu, removeCgroups, settings } from "./kernel.ts";

let home: Home;
let dir: string;
let containerd: ChildProcess;
let before: Map<string, string>;

function ctr(...args: string[]): Promise<Output> {
  return exec("ctr", ["--address", join(dir, "sock"), ...args], { timeoutMs: 60_000 });
}

beforeAll(async () => {
  await ensurePrograms(
    [
      { program: "containerd", package: "containerd" },
      { program: "ctr", package: "containerd" },
    ],
    () => undefined,
  );
  expect(isolatedCpus()).toBe("");
  before = settings();
  home = await makeHome();
  dir = mkdtempSync(join(tmpdir(), "schedgate-containerd-"));
  writeFileSync(
    join(dir, "config.toml"),
    `version = 2
root = "${dir}/root"
state = "${dir}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "${dir}/sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "${dir}/opt"
`,
  );
  containerd = spawn("containerd", ["--config", join(dir, "config.toml")], { stdio: "ignore" });
  await waitFor({ what: "answer of containerd", timeoutMs: 30_000 }, async () =>
    (await ctr("version")).code === 0 ? true : undefined,
  );
}, 90_000);

afterAll(async () => {
  const ended = new Promise((resolve) => containerd.once("exit", resolve));
  containerd.kill("SIGTERM");
  await ended;
  removeCgroups();
  home.remove();
  rmSync(dir, { recursive: true, force: true });
}, 60_000);

/** Runs a container detached by `ctr`, with its config.json, through the shim and the launcher. */
async function run(id: string, ask?: string): Promise<{ one: TestContainer; ended: Output }> {
  const one = container(home, { id, cpus: lastCpu, ...(ask === undefined ? {} : { ask }) });
  const config = join(one.bundle, "config.json");
  return { one, ended: await ctr("run", "--detach", "--runc-binary", home.launcher, "--config", config, id) };
}

async function remove(id: string): Promise<void> {
  await ctr("task", "kill", "--signal", "9", id);
  await ctr("task", "delete", "--force", id);
  expect(await ctr("container", "delete", id)).toMatchObject({ code: 0 });
  await waitFor({ what: "end of isolation", timeoutMs: 15_000 }, () =>
    Promise.resolve(existsSync(join(home.run, "before.json")) ? undefined : true),
  );
}

describe("containerd's shim with the launcher as its binary", () => {
  test("runs a container that does not ask", async () => {
    expect((await run("plain")).ended).toMatchObject({ code: 0 });
    expect(isolatedCpus()).toBe("");
    const answer = await ctr("task", "exec", "--exec-id", "e1", "plain", "sh", "-c", "echo out; exit 3");
    expect(answer).toMatchObject({ code: 3, stdout: "out\n" });
    await remove("plain");
  }, 60_000);

  test("isolates one that asks, and gives back when its task is deleted", async () => {
    expect((await run("asking", "enabled")).ended).toMatchObject({ code: 0 });
    expect(isolatedCpus()).toBe(lastCpu);
    await remove("asking");
    expect(isolatedCpus()).toBe("");
    expect(changedSettings(before)).toEqual([]);
  }, 60_000);

  test("does so by the daemon, where one serves, and no companion is needed", async () => {
    const [port = 0] = await freePorts(1);
    const daemon = startDaemon(home, port);
    await waitFor({ what: "daemon that serves", timeoutMs: 30_000 }, () =>
      Promise.resolve(existsSync(join(home.run, "daemon")) ? true : undefined),
    );
    renameSync(home.companion, `${home.companion}.hidden`);
    expect((await run("by-daemon", "enabled")).ended).toMatchObject({ code: 0 });
    expect(isolatedCpus()).toBe(lastCpu);
    await remove("by-daemon");
    expect(changedSettings(before)).toEqual([]);
    renameSync(`${home.companion}.hidden`, home.companion);
    const ended = new Promise((resolve) => daemon.once("exit", resolve));
    daemon.kill("SIGKILL");
    await ended;
  }, 90_000);

  test("gives back when the shim is killed and containerd cleans up after it", async () => {
    const { one } = await run("orphan", "enabled");
    expect(isolatedCpus()).toBe(lastCpu);
    const owner = JSON.parse(readFileSync(join(home.run, "ledger", `${one.id}.json`), "utf8")) as {
      pid: number;
    };
    const stat = readFileSync(`/proc/${owner.pid}/stat`, "utf8");
    const shim = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    process.kill(shim, "SIGKILL");
    await waitFor({ what: "end of isolation", timeoutMs: 20_000 }, () =>
      Promise.resolve(isolatedCpus() === "" ? true : undefined),
    );
    await remove("orphan");
    expect(changedSettings(before)).toEqual([]);
  }, 60_000);

  test("tells the reason when a container may not start", async () => {
    mkdirSync(join(home.dir, "etc"), { recursive: true });
    const conf = join(home.dir, "etc/launcher.conf");
    const kept = readFileSync(conf, "utf8");
    writeFileSync(conf, `${kept}schedgate_cgroup_root=/nonexistent\n`);
    const { ended } = await run("denied", "enabled");
    writeFileSync(conf, kept);
    expect(ended.code).not.toBe(0);
    expect(ended.stderr).toContain("this kernel cannot isolate CPUs");
    await ctr("task", "delete", "--force", "denied");
    await ctr("container", "delete", "denied");
    expect(changedSettings(before)).toEqual([]);
  }, 60_000);
});
