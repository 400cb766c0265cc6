import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Host, becomes } from "./host.ts";
import type { Setting } from "./spec.ts";

export const HOME = "/opt/schedgate";
export const LAUNCHER = `${HOME}/bin/launcher.sh`;

/** Where Debian has them. */
export const PROGRAMS = { runc: "/usr/sbin/runc", crun: "/usr/bin/crun" };

const TIMEOUT_MS = 60_000;

/** A container as a kubelet and a runtime make it. */
export interface Container {
  id: string;
  /** Path of its bundle's config.json. */
  spec: string;
  /** Its own cgroup, where its process sits, below any hierarchy's root. */
  cgroup(): string;
  /** By the launcher, or by another program in its place. */
  create(program?: string): void;
  /** What the launcher answers. */
  start(): SpawnSyncReturns<string>;
  /** What a program says that is run in it, as by a probe. */
  exec(...command: string[]): string;
  /** SIGKILL, and waits for the end of its process; no delete. */
  kill(): Promise<void>;
  /** The runtime's delete. */
  delete(): Promise<void>;
  /** `update --cpuset-cpus`, as the kubelet's CPU manager does for the shared pool. */
  update(cpus: string): void;
  /** The last line of the log that a shim reads. */
  logged(): string;
}

/** A container of a bundle that has its config.json; nothing is called yet. */
export function containerOf(host: Host, { runtime, driver }: Setting, id: string, bundle: string): Container {
  const log = join(bundle, "log.json");
  const pidFile = join(bundle, "pid");
  const flags = driver === "systemd" ? ["--systemd-cgroup"] : [];
  const options = [...flags, "--root", `/run/${runtime}-state`, "--log", log, "--log-format", "json"];
  const call = (...args: string[]): SpawnSyncReturns<string> =>
    spawnSync(LAUNCHER, [...options, ...args], {
      encoding: "utf8",
      stdio: ["ignore", "ignore", "pipe"],
      timeout: TIMEOUT_MS,
    });
  const pid = (): number => Number(readFileSync(pidFile, "utf8"));
  const logged = (): string =>
    existsSync(log) ? (readFileSync(log, "utf8").trim().split("\n").at(-1) ?? "") : "";
  let deleted = false;
  const isThere = (): boolean => !deleted && existsSync(pidFile);
  return {
    id,
    spec: join(bundle, "config.json"),
    cgroup: () => cgroupOf(host, pid()),
    create: (program = LAUNCHER) => {
      const args = [...options, "create", "--bundle", bundle, "--pid-file", pidFile, id];
      // A container keeps the stdio of its create, and a pipe of ours would never end.
      const { status } = spawnSync(program, args, { stdio: "ignore", timeout: TIMEOUT_MS });
      if (status !== 0) throw new Error(`create ${id}: exit code ${status} ${logged()}`);
    },
    start: () => call("start", id),
    exec: (...command) => {
      const { status, stdout, stderr } = spawnSync(LAUNCHER, [...options, "exec", id, ...command], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
        timeout: TIMEOUT_MS,
      });
      if (status !== 0) throw new Error(`exec in ${id}: exit code ${status} ${stderr} ${logged()}`);
      return stdout;
    },
    kill: async () => {
      if (!isThere()) return;
      if (!hasEnded(pid())) process.kill(pid(), "SIGKILL");
      await becomes(`end of ${id}`, true, () => hasEnded(pid()));
    },
    delete: async () => {
      if (!isThere()) return;
      for (let attempt = 1; ; attempt += 1) {
        const { status, stderr } = call("delete", id);
        if (status === 0) break;
        if (attempt === 20) throw new Error(`delete ${id}: ${stderr} ${logged()}`);
        await sleep(100);
      }
      deleted = true;
      rmSync(bundle, { recursive: true });
    },
    update: (cpus) => {
      const { status, stderr } = call("update", "--cpuset-cpus", cpus, id);
      if (status !== 0) throw new Error(`update ${id}: exit code ${status} ${stderr} ${logged()}`);
    },
    logged,
  };
}

/** The cgroup of a process in the hierarchy with cpusets, below its root. */
export function cgroupOf({ version }: Host, pid: number): string {
  const lines = readFileSync(`/proc/${pid}/cgroup`, "utf8").split("\n");
  const line = lines.find((each) => (version === "v2" ? each.startsWith("0::") : each.includes(":cpuset:")));
  return (line ?? "").split(":").slice(2).join(":").slice(1);
}

function hasEnded(pid: number): boolean {
  const stat = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, "utf8") : "0 (x) X";
  return /\) [XZ]/.test(stat);
}
