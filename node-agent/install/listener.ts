import { type HostFs, isGone } from "../host/host-fs.ts";
import { codeOf } from "../../common/errors.ts";

// unix(7) in proc_net: "Num RefCount Protocol Flags Type St Inode Path"; flag 00010000 is __SO_ACCEPTCON: it listens.
const LISTENING = /^\S+ \S+ \S+ 00010000 \S+ \S+ +(\d+) (.+)$/;

/** Inodes of the sockets that listen at a path; `/var/run` is `/run`. */
export function listeningInodes(table: string, socket: string): string[] {
  const plain = (path: string): string => path.replace(/^\/var\/run\//, "/run/");
  return table.split("\n").flatMap((line) => {
    const match = LISTENING.exec(line);
    return match?.[1] !== undefined && plain(match[2] ?? "") === plain(socket) ? [match[1]] : [];
  });
}

/**
 * The process that listens on a unix socket of the host, undefined where none does. Needs the host's PID namespace:
 * `/proc/1/net/unix` shows the host's sockets although this pod has a network of its own.
 */
export function listenerOf(proc: HostFs, socket: string): number | undefined {
  const links = new Set(
    listeningInodes(proc.read("/proc/1/net/unix"), socket).map((inode) => `socket:[${inode}]`),
  );
  if (links.size === 0) return undefined;
  // Process 1 may hold a socket that it made for socket activation.
  const pids = proc.subdirectories("/proc").filter((name) => /^\d+$/.test(name) && name !== "1");
  return pids
    .map(Number)
    .sort((a, b) => a - b)
    .find((pid) => holds(proc, pid, links));
}

function holds(proc: HostFs, pid: number, links: ReadonlySet<string>): boolean {
  try {
    return proc.list(`/proc/${pid}/fd`).some((fd) => links.has(linkOf(proc, `/proc/${pid}/fd/${fd}`)));
  } catch (error) {
    if (isGone(error) || codeOf(error) === "EACCES") return false;
    throw error;
  }
}

function linkOf(proc: HostFs, path: string): string {
  try {
    return proc.readlink(path);
  } catch (error) {
    if (isGone(error)) return "";
    throw error;
  }
}
