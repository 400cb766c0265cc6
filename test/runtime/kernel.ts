import { existsSync, readFileSync, readdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { type CpuSet, formatCpuSet, minus, parseCpuSet, union } from "../../common/cpuset.ts";
import { exec } from "../lab/exec.ts";
import type { Lab } from "../lab/types.ts";
import { type Spread, awaitSpread, measureSpread } from "../demo/spread.ts";
import { PARENT } from "./container.ts";

const ROOT = "/sys/fs/cgroup";
const V1 = `${ROOT}/cpuset`;

/** Whether this machine has the v1 cpuset controller. */
export const isV1 = existsSync(`${V1}/cpuset.cpus`);

/** Why the tests that play on this machine's own cpusets can't run here; on cgroup v2 systemd owns the tree. */
export const lacksV1 = isV1 ? undefined : "this machine has no cgroup v1 cpuset controller";

/** Root of the hierarchy that holds the cpusets. */
export const cpusetRoot = isV1 ? V1 : ROOT;

/** The machine's CPUs. */
export const online: CpuSet = parseCpuSet(readFileSync("/sys/devices/system/cpu/online", "utf8"));

/** The CPU that the tests isolate: the last one. */
export const lastCpu = String(online.at(-1));

/** The CPUs that the kernel keeps out of every sched domain, as its own files tell, as a list. */
export function isolatedCpus(): string {
  if (!isV1) return readFileSync(`${ROOT}/cpuset.cpus.isolated`, "utf8").trim();
  if (read(`${V1}/cpuset.sched_load_balance`) === "1") return "";
  const balanced = cpusets().filter((dir) => dir !== V1 && read(`${dir}/cpuset.sched_load_balance`) === "1");
  return formatCpuSet(
    minus(online, union(...balanced.map((dir) => parseCpuSet(read(`${dir}/cpuset.cpus`))))),
  );
}

/** Every setting that isolation may touch, by file; test containers' own cgroups are left out. */
export function settings(): Map<string, string> {
  const files = isV1 ? ["cpuset.sched_load_balance"] : ["cpuset.cpus.exclusive", "cpuset.cpus.partition"];
  const paths = cpusets()
    .filter((dir) => !dir.includes(PARENT))
    .flatMap((dir) => files.map((file) => join(dir, file)));
  return new Map(paths.filter((path) => existsSync(path)).map((path) => [path, read(path)]));
}

/** The settings that are not as before; a cgroup that other programs made or removed meanwhile is no difference. */
export function changedSettings(before: ReadonlyMap<string, string>): string[] {
  const changed = [...settings()].filter(([path, text]) => before.has(path) && before.get(path) !== text);
  const ours = existsSync(`${V1}/schedgate-housekeeping`) ? ["schedgate-housekeeping is left"] : [];
  return [...changed.map(([path, text]) => `${path}: ${before.get(path) ?? ""} became ${text}`), ...ours];
}

/** How often two busy tasks that may run anywhere ran apart: the behaviour of balancing. */
export function spread(): Promise<Spread> {
  return measureSpread(here, online);
}

/** Waits until they run apart. */
export async function expectBalancing(): Promise<void> {
  await awaitSpread(here, online);
}

const here: Pick<Lab, "node"> = { node: (command) => exec("/bin/sh", ["-c", command]) };

/** Removes the test containers' cgroups in every hierarchy. */
export function removeCgroups(): void {
  const hierarchies = isV1 ? readdirSync(ROOT).map((name) => join(ROOT, name)) : [ROOT];
  for (const hierarchy of hierarchies) {
    const top = join(hierarchy, PARENT);
    if (existsSync(top)) for (const dir of below(top).reverse()) rmdirSync(dir);
  }
}

function cpusets(): string[] {
  return below(cpusetRoot);
}

// A cgroup may go while the tree is read: other programs live here too.
function below(dir: string): string[] {
  try {
    const inner = readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return [dir, ...inner.flatMap(({ name }) => below(join(dir, name)))];
  } catch {
    return [];
  }
}

// The content, "" where the cgroup is gone by now.
function read(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}
