import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseStat } from "../../node-agent/isolation/liveness.ts";
import type { Machine } from "./machine.ts";

/** Real processes for a machine. @param procs path of the file of a cgroup that takes a pid. */
export function realProcesses(procs: (cgroup: string) => string): Pick<Machine, "spawn" | "kill"> {
  const processes = new Map<number, ChildProcess>();
  let latest = 0;
  return {
    spawn: (cgroup) => {
      let child: ChildProcess;
      for (;;) {
        child = spawn("sleep", ["1000"], { stdio: "ignore" });
        const started = startOf(child.pid ?? 0);
        if (started > latest) {
          latest = started;
          break;
        }
        child.kill("SIGKILL");
      }
      const pid = child.pid ?? 0;
      processes.set(pid, child);
      writeFileSync(procs(cgroup), String(pid));
      return pid;
    },
    kill: async (pid) => {
      const child = processes.get(pid);
      if (child === undefined || !processes.delete(pid)) return;
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await ended;
    },
  };
}

// In clock ticks since boot.
function startOf(pid: number): number {
  return Number(parseStat(readFileSync(`/proc/${pid}/stat`, "utf8"))?.startTime);
}

/** Removes a real cgroup with all that is in it; no error where it is gone. */
export function removeCgroup(dir: string): void {
  if (!existsSync(dir)) return;
  const inner = readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  for (const { name } of inner) removeCgroup(join(dir, name));
  rmdirSync(dir);
}
