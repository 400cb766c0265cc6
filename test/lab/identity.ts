import { readFile } from "node:fs/promises";
import { codeOf, SchedgateError } from "../../common/errors.ts";

/** A process that no later one can be mistaken for: pids are used again, the start time of a boot is not. */
export interface ProcessIdentity {
  pid: number;
  /** Clock ticks after boot: field 22 of /proc/<pid>/stat, man proc_pid_stat(5). */
  startTime: string;
  bootId: string;
}

export interface ProcessStat {
  /** R, S, D, Z and so on. */
  state: string;
  parent: number;
  group: number;
  startTime: string;
}

/** The fields used here of a line of /proc/<pid>/stat. The command in parentheses may hold blanks and parentheses. */
export function parseStat(line: string): ProcessStat {
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
  const [state, parent, group] = fields;
  const startTime = fields[19];
  if (state === undefined || startTime === undefined) {
    throw new SchedgateError("E_STAT", `not a line of /proc/<pid>/stat: "${line.slice(0, 100)}"`);
  }
  return { state, parent: Number(parent), group: Number(group), startTime };
}

/** The stat of a process, or undefined where there is none. */
export async function statOf(pid: number): Promise<ProcessStat | undefined> {
  try {
    return parseStat(await readFile(`/proc/${pid}/stat`, "utf8"));
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ESRCH") return undefined;
    throw error;
  }
}

/** The kernel's name for this boot. */
async function bootId(): Promise<string> {
  return (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
}

/** The identity of a process that lives now, or undefined. */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  const stat = await statOf(pid);
  return stat === undefined ? undefined : { pid, startTime: stat.startTime, bootId: await bootId() };
}

/** Whether that very process runs; a zombie does not. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  const stat = await statOf(identity.pid);
  if (stat === undefined || stat.state === "Z" || stat.startTime !== identity.startTime) return false;
  return identity.bootId === (await bootId());
}
