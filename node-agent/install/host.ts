import type { Clock } from "../../common/clock.ts";
import type { Logger } from "../../common/log.ts";
import type { HostFs } from "../host/host-fs.ts";
import { rooted } from "../host/rooted.ts";
import type { Ended, Spawn } from "../host/spawn.ts";
import type { InstallConfig } from "./config.ts";
import { listenerOf } from "./listener.ts";

/** What installing stands on. */
export interface Host {
  config: InstallConfig;
  /** The host's files, by the host's paths. */
  files: HostFs;
  /** This pod's own files; its /proc shows the host's processes. */
  own: HostFs;
  spawn: Spawn;
  clock: Clock;
  log: Logger;
}

/** The same path where this process can open it. */
export function mounted(host: Host, path: string): string {
  return rooted(host.config.hostRoot, path, true);
}

/** The process that serves the runtime's socket. */
export function runtimePid({ own, config }: Host): number | undefined {
  return listenerOf(own, config.socket);
}

/** Runs a program of the host, in the mount namespace of a process of the host. */
export function onHost({ spawn }: Host, pid: number, command: readonly string[]): Promise<Ended> {
  return spawn("nsenter", ["-t", String(pid), "-m", "--", ...command]);
}

const POLL_MS = 200;

/** Asks until the answer is not undefined. Returns undefined where none came in time. */
export async function poll<T>(
  { clock }: Host,
  ms: number,
  ask: () => Promise<T | undefined> | T | undefined,
): Promise<T | undefined> {
  const end = clock.now().getTime() + ms;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined || clock.now().getTime() >= end) return answer;
    await clock.sleep(POLL_MS);
  }
}
