import { execFileSync } from "node:child_process";
import { SchedgateError, messageOf } from "../../common/errors.ts";
import { type HostFs, readIfThere } from "../host/host-fs.ts";
import type { Ask } from "./asks.ts";

const STATE_TIMEOUT_MS = 5000;

/** The created container's first process: from the pid file of its create, else from the runtime's own state. @throws E_PID */
export function pidOf(hostFs: HostFs, id: string, { pidFile, root }: Ask, runc: string): number {
  const text = pidFile === "" ? undefined : readIfThere(hostFs, pidFile);
  const pid = text === undefined ? pidFromState(id, root, runc) : Number(text.trim());
  if (Number.isSafeInteger(pid) && pid > 0) return pid;
  throw new SchedgateError(
    "E_PID",
    `the pid of container ${id} is unknown: ${pidFile || `${runc} state`} says "${pid}"`,
  );
}

function pidFromState(id: string, root: string, runc: string): number {
  try {
    const args = [...(root === "" ? [] : ["--root", root]), "state", id];
    const text = execFileSync(runc, args, {
      encoding: "utf8",
      timeout: STATE_TIMEOUT_MS,
      maxBuffer: 1 << 20,
      stdio: "pipe",
    });
    return (JSON.parse(text) as { pid: number }).pid;
  } catch (cause) {
    throw new SchedgateError("E_PID", `${runc} state ${id} failed: ${messageOf(cause)}`, { cause });
  }
}
