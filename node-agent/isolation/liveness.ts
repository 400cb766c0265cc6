import { type HostFs, readIfThere } from "../host/host-fs.ts";
import type { Owner } from "./owner.ts";

/** What `/proc/<pid>/stat` says of a process: its state letter, threads and start time in ticks since boot (man proc(5)). */
export interface ProcessStat {
  state: string;
  threads: number;
  startTime: string;
}

/** Reads a line of `/proc/<pid>/stat`. The name in parentheses may hold anything, so it is skipped from the right. */
export function parseStat(text: string): ProcessStat | undefined {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, threads, startTime] = [fields[0], Number(fields[17]), fields[19]];
  return state === undefined || startTime === undefined || !/^\d+$/.test(startTime)
    ? undefined
    : { state, threads, startTime };
}

/** The process's stat, or undefined where there is no such process. */
export function statOf(hostFs: HostFs, pid: number): ProcessStat | undefined {
  const text = readIfThere(hostFs, `/proc/${pid}/stat`);
  return text === undefined ? undefined : parseStat(text);
}

/** Identity of this boot of the kernel. */
export function bootIdOf(hostFs: HostFs): string {
  return hostFs.read("/proc/sys/kernel/random/boot_id").trim();
}

/**
 * Whether the owner's first process still runs: same boot, same pid and start time, and not a zombie. A process whose
 * first thread has ended alone reads Z too: it is dead with its last thread only.
 * @param bootId of this boot; who asks about many owners reads it once.
 */
export function isAlive(
  hostFs: HostFs,
  owner: Pick<Owner, "pid" | "pidStartTime" | "bootId">,
  bootId = bootIdOf(hostFs),
): boolean {
  if (owner.bootId !== bootId) return false;
  const stat = statOf(hostFs, owner.pid);
  if (stat?.startTime !== owner.pidStartTime || stat.state === "X") return false;
  return stat.state !== "Z" || stat.threads > 1;
}
