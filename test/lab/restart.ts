import { readFile } from "node:fs/promises";
import { SchedgateError } from "../../common/errors.ts";
import { openProcesses } from "./processes.ts";
import type { Lab } from "./types.ts";
import { waitFor } from "./wait.ts";

/** The API server gets so long for what it has begun. */
const GRACE_MS = 15_000;
const READY_MS = 60_000;

/** Ends the API server and starts it again as it was; returns when it is ready. */
export async function restartApiServer(lab: Lab): Promise<void> {
  const name = "kube-apiserver";
  const processes = openProcesses(lab.stateDir);
  const [command = "", ...args] = await commandLine(lab, name);
  await processes.end(name, GRACE_MS);
  await processes.start({ name, command, args });
  await apiServerReady(lab);
}

/** Halts a process of the control plane for so long, and waits until the API server is ready again. */
export async function pauseProcess(lab: Lab, name: string, forMs: number): Promise<void> {
  const pid = await pidOf(lab, name);
  process.kill(pid, "SIGSTOP");
  try {
    await new Promise((resolve) => setTimeout(resolve, forMs));
  } finally {
    process.kill(pid, "SIGCONT");
  }
  await apiServerReady(lab);
}

async function apiServerReady(lab: Lab): Promise<void> {
  await waitFor({ what: "ready API server", timeoutMs: READY_MS }, async () =>
    (await lab.kubectl(["get", "--raw", "/readyz"])).code === 0 ? true : undefined,
  );
}

async function commandLine(lab: Lab, name: string): Promise<string[]> {
  const text = await readFile(`/proc/${await pidOf(lab, name)}/cmdline`, "utf8");
  return text.split("\0").slice(0, -1);
}

async function pidOf(lab: Lab, name: string): Promise<number> {
  const found = await openProcesses(lab.stateDir).find(name);
  if (found === undefined) throw new SchedgateError("E_LAB", `the lab has no process ${name}`);
  return found.pid;
}
