import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { codeOf } from "../../../common/errors.ts";
import { statOf } from "../identity.ts";
import { isMarked } from "../processes.ts";

/** Names (as far as the kernel keeps them) of what a node runs outside of its pods' cgroups. */
const NODE_PROGRAMS = new Set([
  "kubelet",
  "kube-proxy",
  "containerd",
  "containerd-shim",
  "crio",
  "conmon",
  "runc",
]);

/**
 * The node's programs that still run: they carry the lab's mark, which shims have from their containerd, or a path of
 * the lab among their arguments, as conmon does, which CRI-O starts with an environment of its own.
 */
export async function nodeProcesses(stateDir: string): Promise<{ pid: number; name: string }[]> {
  const found: { pid: number; name: string }[] = [];
  for (const { pid, name } of await namedProcesses()) {
    if ((await isMarked(pid, stateDir)) || (await namesLab(pid, stateDir))) found.push({ pid, name });
  }
  return found;
}

/** Whether a kubelet runs that is not this lab's. */
export async function foreignKubelet(stateDir: string): Promise<number | undefined> {
  for (const { pid, name } of await namedProcesses()) {
    if (name === "kubelet" && !(await isMarked(pid, stateDir))) return pid;
  }
  return undefined;
}

/** Ends the node's programs that are left. Returns their names. */
export async function killNodeProcesses(stateDir: string): Promise<string[]> {
  const names: string[] = [];
  for (let left = await nodeProcesses(stateDir); left.length > 0; left = await nodeProcesses(stateDir)) {
    names.push(...left.filter(({ pid }) => kill(pid)).map(({ name }) => name));
    await sleep(50);
  }
  return names;
}

/** False where it ended before. */
function kill(pid: number): boolean {
  try {
    return process.kill(pid, "SIGKILL");
  } catch (error) {
    if (codeOf(error) === "ESRCH") return false;
    throw error;
  }
}

async function namedProcesses(): Promise<{ pid: number; name: string }[]> {
  const pids = (await readdir("/proc")).map(Number).filter((pid) => Number.isInteger(pid));
  const all = await Promise.all(pids.map(async (pid) => ({ pid, name: await commOf(pid) })));
  const living = await Promise.all(
    all
      .filter(({ name }) => NODE_PROGRAMS.has(name))
      .map(async (each) => ({ each, stat: await statOf(each.pid) })),
  );
  return living.filter(({ stat }) => stat !== undefined && stat.state !== "Z").map(({ each }) => each);
}

async function commOf(pid: number): Promise<string> {
  return (await textOf(pid, "comm")).trim();
}

async function namesLab(pid: number, stateDir: string): Promise<boolean> {
  return (await textOf(pid, "cmdline")).split("\0").some((argument) => argument.startsWith(`${stateDir}/`));
}

/** Empty where the process has ended. */
async function textOf(pid: number, file: "comm" | "cmdline"): Promise<string> {
  try {
    return await readFile(`/proc/${pid}/${file}`, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ESRCH") return "";
    throw error;
  }
}
