import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { containerdConfiguration } from "../lab/host/containerd.ts";
import { findProgram } from "../lab/prerequisites.ts";
import { freePorts } from "../lab/ports.ts";
import { waitFor } from "../lab/wait.ts";
import { type BareRuntime, bareRuntime } from "./bare-runtime.ts";

let node: BareRuntime;

beforeEach(async () => {
  node = await bareRuntime("containerd");
}, 600_000);
afterEach(() => node.close(), 60_000);

test("an installer that serves counts what fails, and says when it last succeeded", async () => {
  const program = findProgram("containerd", process.env["PATH"]) ?? "containerd";
  const path = node.layout.runtimeConfig;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, containerdConfiguration(node));
  await node.start(program, ["--config", path]);
  const [port = 0] = await freePorts(1);
  // It refuses to write through a link.
  const elsewhere = join(node.dir, "elsewhere.toml");
  renameSync(path, elsewhere);
  symlinkSync(elsewhere, path);
  const env = { ...node.installerEnv, SCHEDGATE_HEALTH_PORT: String(port) };
  const installer = spawn(process.execPath, [node.installerFile], { env, stdio: "ignore" });
  const ended = once(installer, "exit");
  const ask = async (page: string): Promise<{ status: number; text: string } | undefined> => {
    const answer = await fetch(`http://127.0.0.1:${String(port)}/${page}`).catch(() => undefined);
    return answer && { status: answer.status, text: await answer.text() };
  };
  const valueOf = async (metric: string): Promise<number> => {
    const line = (await ask("metrics"))?.text.split("\n").find((each) => each.startsWith(`${metric} `));
    return Number(line?.split(" ")[1]);
  };
  const success = "schedgate_installer_last_success_timestamp_seconds";
  try {
    await waitFor({ what: "a try that failed", timeoutMs: 30_000 }, async () =>
      (await valueOf("schedgate_installer_failures_total")) > 0 ? true : undefined,
    );
    expect(await valueOf(success)).toBe(0);
    expect((await ask("readyz"))?.status).toBe(503);
    unlinkSync(path);
    renameSync(elsewhere, path);
    await waitFor({ what: "a success", timeoutMs: 120_000 }, async () =>
      (await valueOf(success)) > 0 ? true : undefined,
    );
    expect(Math.abs(Date.now() / 1000 - (await valueOf(success)))).toBeLessThan(30);
    expect((await ask("readyz"))?.status).toBe(200);
  } finally {
    installer.kill("SIGKILL");
    await ended;
  }
  await node.installer("uninstall");
}, 240_000);
