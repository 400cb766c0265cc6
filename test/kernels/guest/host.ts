import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type CpuSet, formatCpuSet, minus, parseCpuSet } from "../../../common/cpuset.ts";
import { cpusWithoutDomain } from "../../demo/schedstat.ts";

/** Where systemd mounts all hierarchies. */
export const ROOT = "/sys/fs/cgroup";

/** Which cgroup hierarchies systemd mounted. */
export type Version = "v1" | "v2";

/** What the guest's kernel tells of itself. The tests' own reading, beside the product's. */
export interface Host {
  version: Version;
  /** Root of the hierarchy with cpusets. */
  root: string;
  online(): CpuSet;
  /** The online CPUs that the kernel shows in no sched domain, as a list. @throws where its two signs differ */
  isolated(): string;
  /** Content of every cpuset file that can be written, by path; on v2 without those that hold what a new cgroup's hold. */
  dump(): Map<string, string>;
}

/** This guest. */
export function thisHost(): Host {
  const version = existsSync(`${ROOT}/cgroup.controllers`) ? "v2" : "v1";
  const root = version === "v2" ? ROOT : `${ROOT}/cpuset`;
  const online = (): CpuSet => parseCpuSet(readFileSync("/sys/devices/system/cpu/online", "utf8"));
  return {
    version,
    root,
    online,
    isolated: () => {
      const bySchedstat = formatCpuSet(cpusWithoutDomain(readFileSync("/proc/schedstat", "utf8")));
      const byDirectories = formatCpuSet(minus(online(), cpusWithDomainDirectory()));
      if (bySchedstat !== byDirectories)
        throw new Error(`/proc/schedstat says "${bySchedstat}", the domains' directories "${byDirectories}"`);
      return bySchedstat;
    },
    // Later kernels have no v1 cpusets, so no such hierarchy.
    dump: () => new Map((existsSync(root) ? directories(root) : []).flatMap((dir) => writableIn(dir))),
  };
}

// debugfs since kernel 5.13 (filled once `verbose` is Y), a sysctl before.
function cpusWithDomainDirectory(): CpuSet {
  const debugfs = "/sys/kernel/debug/sched/domains";
  const dir = existsSync(debugfs) ? debugfs : "/proc/sys/kernel/sched_domain";
  const cpus = readdirSync(dir).filter((cpu) => readdirSync(join(dir, cpu)).length > 0);
  return parseCpuSet(cpus.map((cpu) => cpu.replace("cpu", "")).join(","));
}

/** A directory and all below it. */
export function directories(dir: string): string[] {
  const inner = readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [dir, ...inner.flatMap(({ name }) => directories(join(dir, name)))];
}

/** On v2: systemd turns the controller on and off for its own units, and such files come and go. */
const NEW = ["\n", "member\n"];

const WRITABLE = /^cpuset\.(cpus|cpus\.exclusive|cpus\.partition|sched_load_balance|cpu_exclusive)$/;

function writableIn(dir: string): [string, string][] {
  const names = readdirSync(dir).filter((name) => WRITABLE.test(name));
  return names
    .map((name): [string, string] => [join(dir, name), readFileSync(join(dir, name), "utf8")])
    .filter(([, text]) => !NEW.includes(text));
}

/** The lines in which two dumps differ. */
export function changes(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  const paths = new Set([...before.keys(), ...after.keys()]);
  return [...paths].flatMap((path) => {
    const [was = "(none)", is = "(none)"] = [before.get(path), after.get(path)].map((text) => text?.trim());
    return was === is ? [] : [`${path}: "${was}" became "${is}"`];
  });
}

/** Waits until a probe gives what is wanted. @throws with what it gave last */
export async function becomes<T>(what: string, wanted: T, probe: () => T, timeoutMs = 20_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      last = probe();
    } catch (error) {
      last = error; // files come and go while the kernel rebuilds
    }
    if (last === wanted) return;
    if (Date.now() > deadline) throw new Error(`${what}: "${String(last)}", not "${String(wanted)}"`);
    await sleep(50);
  }
}

/** Runs a program that must succeed; its output. */
export function run(command: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8", timeout: 60_000 });
  if (status !== 0)
    throw new Error(
      `${command} ${args.join(" ")}: ${error?.message ?? `exit code ${status}`} ${stderr}${stdout}`,
    );
  return stdout;
}
