import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const MARK = "SCHEDGATE_TEST_MARK";

/**
 * Runs a program and kills it after a while with every process that it started, also those that outlived their parent
 * or made a process group of their own: all bear a mark in their environment. Ends when none is left.
 */
export async function killedAfter(
  delayMs: number,
  [program = "", ...args]: readonly string[],
  env: NodeJS.ProcessEnv,
  input = "",
): Promise<void> {
  const mark = randomUUID();
  const child = spawn(program, args, { env: { ...env, [MARK]: mark }, stdio: ["pipe", "ignore", "ignore"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.stdin.on("error", () => undefined); // it may be dead before it reads
  child.stdin.end(input);
  await sleep(delayMs);
  for (let pids = marked(mark); pids.length > 0; pids = marked(mark)) {
    pids.forEach(kill);
    await sleep(1);
  }
  await ended;
}

// A zombie's environment is empty.
function marked(mark: string): number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => environment(pid).includes(`${MARK}=${mark}`)).map(Number);
}

function environment(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1");
  } catch {
    return ""; // it is gone
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    return; // it is gone
  }
}
