import { type HostFs, readIfThere } from "../host/host-fs.ts";
import { statOf } from "../isolation/liveness.ts";
import { type Host, runtimePid } from "./host.ts";

/** A change of the runtime's configuration that is under way: on disk before the change, gone when it is taken up. */
export interface Pending {
  path: string;
  /** The file's text before the change, null where there was none. */
  before: string | null;
  /** The text that we write. */
  after: string;
  /** The process that has to end for it, "pid ticks"; only once the runtime was seen to read the text from disk. */
  asked?: string;
}

/** Where it is. */
export function pendingPath(runDir: string): string {
  return `${runDir}/restart-pending`;
}

/** Of a note that cannot be read: the runtime is restarted, and nothing is taken back. */
const UNKNOWN: Pending = { path: "", before: null, after: "" };

/** The change under way, undefined where there is none. */
export function readPending(files: HostFs, runDir: string): Pending | undefined {
  const text = readIfThere(files, pendingPath(runDir));
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Pending;
  } catch {
    return { ...UNKNOWN };
  }
}

/** Notes it. */
export function writePending({ files, config }: Host, pending: Pending): void {
  files.replace(pendingPath(config.runDir), `${JSON.stringify(pending)}\n`);
}

/** Which process serves the runtime's socket: its pid and start time; "" where none does. */
export function runtimeProcess(host: Host): string {
  const pid = runtimePid(host);
  const stat = pid === undefined ? undefined : statOf(host.own, pid);
  return pid === undefined || stat === undefined ? "" : `${pid} ${stat.startTime}`;
}
