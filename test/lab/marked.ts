import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { codeOf } from "../../common/errors.ts";
import { type ProcessIdentity, statOf } from "./identity.ts";

/** Every process of a lab carries this variable with the lab's state directory: the proof that it is ours. */
export const MARK = "SCHEDGATE_LAB_STATE";

/**
 * Ends the marked processes of a lab, or only those in the process group of `leader`: SIGTERM, then SIGKILL after
 * `graceMs`. True where something lived.
 */
export async function endMarked(
  stateDir: string,
  graceMs: number,
  leader?: ProcessIdentity,
): Promise<boolean> {
  const first = await living(stateDir, leader);
  for (const pid of first) kill(pid, "SIGTERM");
  const deadline = Date.now() + graceMs;
  for (let left = first; left.length > 0; left = await living(stateDir, leader)) {
    if (Date.now() > deadline) for (const pid of left) kill(pid, "SIGKILL");
    await sleep(50);
  }
  return first.length > 0;
}

/** Finds members of a group also when its leader was killed before: a pid is not used again while its group lives. */
async function living(stateDir: string, leader: ProcessIdentity | undefined): Promise<number[]> {
  const found: number[] = [];
  for (const entry of await readdir("/proc")) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const stat = await statOf(pid);
    if (stat === undefined || stat.state === "Z") continue;
    if (leader !== undefined && stat.group !== leader.pid) continue;
    if (pid === leader?.pid && stat.startTime !== leader.startTime) continue;
    if (await isMarked(pid, stateDir)) found.push(pid);
  }
  return found;
}

/** Whether a process carries the mark of that lab. One that is gone, or hidden from us, does not. */
export async function isMarked(pid: number, stateDir: string): Promise<boolean> {
  try {
    return (await readFile(`/proc/${pid}/environ`, "utf8")).split("\0").includes(`${MARK}=${stateDir}`);
  } catch (error) {
    if (["ENOENT", "ESRCH", "EACCES"].includes(codeOf(error) ?? "")) return false;
    throw error;
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (codeOf(error) !== "ESRCH") throw error;
  }
}
