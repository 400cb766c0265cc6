import { type HostFs, isGone } from "../host/host-fs.ts";
import { LAUNCHER } from "./names.ts";

/** Processes that will call the launcher again: conmon has its path as an argument, a shim in its bundle's file `runtime`. */
export function launcherUsers(proc: HostFs): number[] {
  const pids = proc.subdirectories("/proc").filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => calls(proc, pid)).map(Number);
}

function calls(proc: HostFs, pid: string): boolean {
  try {
    const words = proc.read(`/proc/${pid}/cmdline`).split("\0");
    if (words.includes(LAUNCHER)) return true;
    // A shim's working directory is its bundle, in the host's namespace.
    if (!(words[0] ?? "").includes("containerd-shim")) return false;
    return proc.read(`/proc/${pid}/cwd/runtime`).trim() === LAUNCHER;
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}
