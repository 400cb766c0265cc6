import { existsSync } from "node:fs";
import { readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { codeOf, SchedgateError } from "../../../common/errors.ts";
import { mounts } from "./mounts.ts";

/** Longest wait for killed processes to leave their cgroups. */
const EMPTY_TIMEOUT_MS = 15_000;

/** Root directories of every cgroup hierarchy: one for v2, one a controller (and maybe a v2 one) for v1. */
async function hierarchies(): Promise<string[]> {
  const all = await mounts();
  return all.filter(({ type }) => type === "cgroup" || type === "cgroup2").map(({ path }) => path);
}

/** The kubelet's cgroups, one a hierarchy: `kubepods` by the cgroupfs driver. */
export async function podCgroups(): Promise<string[]> {
  return (await hierarchies()).map((root) => join(root, "kubepods")).filter((path) => existsSync(path));
}

/** Kills what runs in a cgroup and below, then removes them all, inner ones first. Returns how many those were. */
export async function removeCgroup(top: string): Promise<number> {
  const deadline = Date.now() + EMPTY_TIMEOUT_MS;
  for (;;) {
    const all = await cgroupsBelow(top);
    const pids = (await Promise.all(all.map(processesIn))).flat();
    if (pids.length === 0 && (await removeAll(all))) return all.length;
    if (Date.now() > deadline)
      throw new SchedgateError("E_CGROUP", `cannot empty ${top}: ${pids.join(" ")} run there`);
    for (const cgroup of all) await thaw(cgroup);
    for (const pid of pids) kill(pid);
    await sleep(50);
  }
}

/** A cgroup and all below it, inner ones first. */
async function cgroupsBelow(top: string): Promise<string[]> {
  const entries = await orElse([], readdir(top, { withFileTypes: true }));
  const children = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(top, name));
  return [...(await Promise.all(children.map(cgroupsBelow))).flat(), ...(existsSync(top) ? [top] : [])];
}

async function processesIn(cgroup: string): Promise<number[]> {
  const text = await orElse("", readFile(join(cgroup, "cgroup.procs"), "utf8"));
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map(Number);
}

/** False where a cgroup is still busy: a process that ends needs a moment to leave. */
async function removeAll(cgroups: readonly string[]): Promise<boolean> {
  for (const cgroup of cgroups) {
    try {
      await rmdir(cgroup);
    } catch (error) {
      if (codeOf(error) === "EBUSY") return false;
      if (codeOf(error) !== "ENOENT") throw error;
    }
  }
  return true;
}

/** A frozen process does not even die (v1). */
async function thaw(cgroup: string): Promise<void> {
  const file = join(cgroup, "freezer.state");
  if ((await orElse("", readFile(file, "utf8"))).trim() !== "FROZEN") return;
  await orElse(undefined, writeFile(file, "THAWED"));
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (codeOf(error) !== "ESRCH") throw error;
  }
}

/** Cgroups go while one looks at them. */
async function orElse<T>(absent: T, value: Promise<T>): Promise<T> {
  try {
    return await value;
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENODEV") return absent;
    throw error;
  }
}
