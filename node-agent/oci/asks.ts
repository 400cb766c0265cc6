import { SchedgateError } from "../../common/errors.ts";
import { type HostFs, ifThere, readIfThere } from "../host/host-fs.ts";

/** What launcher or hook noted of a container that may ask, in `<runDir>/asks/<id>/` (root's alone, mode 0700). */
export interface Ask {
  bundle: string;
  /** `--pid-file` of create, "" where none was given. */
  pidFile: string;
  /** The runtime's `--root`, "" for its own default. */
  root: string;
  /** The bundle's config.json as it was at create; undefined where there was no room for it. */
  config: string | undefined;
  /** As of its start or its last update; undefined before them, and where create gave no pid file. */
  process: AskProcess | undefined;
  /** What a hook was given, of which it read the rest by the means of a shell; undefined where there was no hook. */
  state: string | undefined;
}

/** A container's process, and what the host says about it; the daemon, in a pod, sees none of these files. */
export interface AskProcess {
  pid: number;
  /** Text of `/proc/<pid>/cgroup`. */
  cgroups: string;
  /** Text of the kubelet's cpu_manager_state, undefined where there is none. */
  kubeletState: string | undefined;
  /** Text of the node's list of static pods, undefined where there is none. */
  staticPods: string | undefined;
}

/** Its notes. @throws SchedgateError E_ASK where they are not there. */
export function readAsk(hostFs: HostFs, runDir: string, id: string): Ask {
  const dir = `${runDir}/asks/${id}`;
  const [bundle = "", pidFile = "", root = ""] = linesOf(hostFs, dir);
  if (bundle === "") throw new SchedgateError("E_ASK", `${dir} does not say where the bundle of ${id} is`);
  const config = readIfThere(hostFs, `${dir}/config.json`);
  const process = parseProcess(
    readIfThere(hostFs, `${dir}/process`),
    readIfThere(hostFs, `${dir}/static-pods`),
  );
  return { bundle, pidFile, root, config, process, state: readIfThere(hostFs, `${dir}/state`) };
}

/** From now on the container counts as one that never asked. */
export function forgetAsk(hostFs: HostFs, runDir: string, id: string): void {
  const dir = `${runDir}/asks/${id}`;
  const names = ifThere(() => hostFs.list(dir));
  if (names === undefined) return;
  for (const name of names) hostFs.remove(`${dir}/${name}`);
  hostFs.rmdir(dir);
}

/**
 * Forgets containers whose bundle is gone, and creates that were killed before they named it; no other, since a note that
 * is missing at `start` lets its container start as if it had not asked (podman creates a container anew under its old
 * id). Only for a process that sees the bundles, when no container is created any more; the launcher does so at each
 * delete.
 */
export function sweepAsks(hostFs: HostFs, runDir: string): void {
  for (const id of ifThere(() => hostFs.subdirectories(`${runDir}/asks`)) ?? []) {
    const [bundle = ""] = linesOf(hostFs, `${runDir}/asks/${id}`);
    if (bundle === "" || !hostFs.exists(`${bundle}/config.json`)) forgetAsk(hostFs, runDir, id);
  }
}

// Bundle, pid file and root.
function linesOf(hostFs: HostFs, dir: string): string[] {
  return (readIfThere(hostFs, `${dir}/ask`) ?? "").split("\n");
}

// The pid, the lines of its cgroups (each with a number and a colon at its start), and the kubelet's JSON.
function parseProcess(text = "", list = ""): AskProcess | undefined {
  const match = /^(\d+)\n((?:\d+:.*\n)+)([^]*)$/.exec(text);
  if (match === null) return undefined;
  const [, pid, cgroups = "", state = ""] = match;
  return { pid: Number(pid), cgroups, kubeletState: state || undefined, staticPods: list || undefined };
}
