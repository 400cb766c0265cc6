import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { exec, type Output } from "../lab/exec.ts";
import { isMarked } from "../lab/processes.ts";
import { stateDirectory } from "../lab/state.ts";
import { waitFor } from "../lab/wait.ts";
import { ASK, grant, pod } from "./objects.ts";

const NAME = "commands";
const stateDir = stateDirectory(NAME);
const program = join(import.meta.dirname, "../lab/main.ts");

/** `npm run lab -- …`, for a lab of the test's own. */
function lab(...args: string[]): Promise<Output> {
  return exec(process.execPath, [program, ...args], { env: { ...process.env, SCHEDGATE_LAB: NAME } });
}

/** The processes of the lab that live. */
async function living(): Promise<number[]> {
  const pids = (await readdir("/proc")).map(Number).filter(Number.isInteger);
  const marked = await Promise.all(pids.map((pid) => isMarked(pid, stateDir)));
  return pids.filter((_, index) => marked[index] === true);
}

/** The processes that work in a directory. */
async function below(directory: string): Promise<string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const places = pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => "")); // it may have ended meanwhile
  return (await Promise.all(places)).filter((place) => place.startsWith(directory));
}

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "schedgate-commands-"));
});
afterAll(async () => {
  await lab("down");
  await rm(scratch, { recursive: true });
}, 60_000);

/** A file that kubectl can be given. */
async function file(name: string, object: object): Promise<string> {
  const path = join(scratch, `${name}.json`);
  await writeFile(path, JSON.stringify(object));
  return path;
}

test("up that is stopped while it builds Kubernetes ends with what it started, and leaves no lab", async () => {
  const cache = join(scratch, "cache");
  const env = { ...process.env, SCHEDGATE_LAB: NAME, SCHEDGATE_CACHE: cache };
  const up = spawn(process.execPath, [program, "up", "--node", "none"], { env });
  let said = "";
  up.stderr.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  await waitFor({ what: "build", timeoutMs: 120_000 }, async () =>
    said.includes("building kubernetes") && (await below(cache)).length > 0 ? true : undefined,
  );
  const ended = once(up, "close");
  up.kill("SIGTERM");
  expect(await ended).toEqual([1, null]);
  expect(said).toMatch(/^stopped by SIGTERM$/m);
  expect(await below(cache)).toEqual([]);
  expect(existsSync(stateDir)).toBe(false);
}, 180_000);

describe("npm run lab, from up to down", () => {
  test("without a lab, status and kubectl say so and fail, and down has nothing to remove", async () => {
    expect(await lab("status")).toMatchObject({ code: 1, stdout: `no lab named ${NAME}\n` });
    const { code, stderr } = await lab("kubectl", "get", "pods");
    expect([code, stderr]).toEqual([1, `no lab named ${NAME} runs: npm run lab -- up\n`]);
    const removed = `no lab named ${NAME}: nothing to remove\n`;
    expect(await lab("down")).toMatchObject({ code: 0, stdout: removed });
  }, 60_000);

  test("up prints the path of the kubeconfig as its last line, and nothing else to standard output", async () => {
    const { code, stdout, stderr } = await lab("up", "--node", "none", "--schedgate");
    expect({ code, stdout, stderr }).toMatchObject({
      code: 0,
      stdout: `KUBECONFIG=${join(stateDir, "kubeconfig")}\n`,
    });
    expect(existsSync(join(stateDir, "kubeconfig"))).toBe(true);
    expect(stderr).toContain("the webhook runs as a local process and judges");
  }, 600_000);

  test("status names what runs, and kubectl and its exit code are passed on", async () => {
    const { code, stdout } = await lab("status");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^lab commands: node none, containerd, Kubernetes v1\.\d+\.\d+, ready since 20/);
    for (const name of ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "webhook"])
      expect(stdout).toMatch(new RegExp(`^  ${name}: pid \\d+, runs$`, "m"));
    const found = await lab("kubectl", "get", "hookprofiles", "-o", "name");
    expect(found).toMatchObject({ code: 0, stdout: "hookprofile.schedgate.dev/cpu-isolation\n" });
    const none = await lab("kubectl", "get", "hookprofile", "none");
    expect(none.code).toBe(1);
    expect(none.stderr).toContain('"none" not found');
  }, 60_000);

  test("node says that there is none", async () => {
    const { code, stderr } = await lab("node", "true");
    expect([code, stderr]).toEqual([1, "this lab was started with --node none: it has no node\n"]);
  }, 60_000);

  test("the installed product judges: a pod that asks is refused, and with a grant admitted", async () => {
    const asking = { apiVersion: "v1", kind: "Pod", ...pod({ annotations: { [ASK]: "enabled" } }) };
    const handler = "jsonpath={.spec.runtimeClassName}";
    const create = ["create", "--dry-run=server", "-o", handler, "-f", await file("pod", asking)];
    const refused = await lab("kubectl", ...create);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("no HookGrant covers service account default/default");
    await lab("kubectl", "create", "-f", await file("grant", grant("default", "default")));
    await waitFor({ what: "admitted pod", timeoutMs: 30_000 }, async () => {
      const { code, stdout } = await lab("kubectl", ...create);
      return code === 0 && stdout === "wrapper\n" ? true : undefined;
    });
  }, 60_000);

  test("after a kill -9 of everything, up removes what is left and works", async () => {
    const before = await living();
    expect(before.length).toBeGreaterThanOrEqual(5);
    for (const pid of before) process.kill(pid, "SIGKILL");
    await waitFor({ what: "end of the lab", timeoutMs: 10_000 }, async () =>
      (await living()).length === 0 ? true : undefined,
    );
    const dead = await lab("status");
    expect(dead.code).toBe(1);
    expect(dead.stdout).toMatch(/^  kube-apiserver: pid \d+, ended$/m);
    const { code, stdout, stderr } = await lab("up", "--node", "none");
    expect([code, stdout]).toEqual([0, `KUBECONFIG=${join(stateDir, "kubeconfig")}\n`]);
    expect(stderr).toContain(`left over from before, removed: ${stateDir}`);
    const pods = await lab("kubectl", "get", "pods");
    expect(pods).toMatchObject({ code: 0, stderr: "No resources found in default namespace.\n" });
  }, 300_000);

  test("down says what it removed, and no process and no file of the lab is left", async () => {
    const { code, stdout } = await lab("down");
    expect([code, stdout]).toEqual([
      0,
      `removed: processes: kube-scheduler, kube-controller-manager, kube-apiserver, etcd\nremoved: ${stateDir}\n`,
    ]);
    expect(await living()).toEqual([]);
    expect(existsSync(stateDir)).toBe(false);
  }, 60_000);
});
