import { readFile } from "node:fs/promises";
import { must } from "../exec.ts";

/** Whether the root mount passes no mounts on: its last line in a /proc/<pid>/mountinfo has no peer or master group. */
export function rootIsPrivate(mountinfo: string): boolean {
  const line = mountinfo.split("\n").findLast((each) => each.split(" ")[4] === "/") ?? "";
  return !/ (shared|master):\d/.test(line.split(" - ")[0] ?? "");
}

/** Whether this machine's root mount is private. Where systemd runs it is shared. */
export async function isRootPrivate(): Promise<boolean> {
  return rootIsPrivate(await readFile("/proc/self/mountinfo", "utf8"));
}

/** Makes the root mount shared: CRI-O refuses a pod that mounts the host's `/` otherwise. */
export async function shareRoot(): Promise<void> {
  if (await isRootPrivate()) await must("mount", ["--make-shared", "/"]);
}

/** True where the root mount was shared. */
export async function unshareRoot(): Promise<boolean> {
  if (await isRootPrivate()) return false;
  await must("mount", ["--make-private", "/"]);
  return true;
}
