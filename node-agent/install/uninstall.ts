import { readdirSync, rmSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { codeOf } from "../../common/errors.ts";
import { readIfThere } from "../host/host-fs.ts";
import { installedPath } from "../host/installed.ts";
import type { Removal } from "../host/removal.ts";
import { sweepAsks } from "../oci/asks.ts";
import { hookFiles } from "./crio.ts";
import { type Host, mounted, poll } from "./host.ts";
import { sweep } from "./install.ts";
import { launcherUsers } from "./launcher-users.ts";
import { HOME } from "./names.ts";
import { pendingPath, readPending, writePending } from "./pending.ts";
import { put } from "./put.ts";
import type { ContainerRuntime } from "./runtime.ts";

/** The kubelet removes the sandboxes of deleted pods once a minute. */
const BOUND_MS = 80_000;
/** A launcher's delete goes on beside the runtime's, by the companion where the daemon is gone already. */
const LAST_CALLS_MS = 25_000;

/**
 * Takes everything away again, byte for byte; handler and launcher stay while a container needs them. The runtime is
 * restarted last, and nobody waits for it: it may be stopping this very container.
 * @param ask whether we are being removed still: while this waits, a new DaemonSet may come.
 */
export async function uninstall(
  host: Host,
  runtime: ContainerRuntime,
  ask: () => Promise<Removal>,
): Promise<void> {
  const { files, config, log } = host;
  // Hook files before the binary that they name.
  if (config.runtime === "crio") for (const { path } of hookFiles(config.hooksDir)) files.remove(path);
  files.remove(installedPath(config.runDir));
  const bound = await stillBound(host, runtime);
  if (bound.length > 0) {
    log.warn(
      { bound, config: runtime.unregistration().map(({ path }) => path), directories: [HOME, config.runDir] },
      "these pods need the handler yet: handler and launcher stay; when they are gone apply and delete the DaemonSet again, or take schedgate's handler out of `config` and delete the directories by hand",
    );
    return;
  }
  const { removed, why } = await ask();
  if (!removed) {
    log.warn({ why }, "not removed any more: what is left stays");
    return;
  }
  const changed = unregister(host, runtime);
  sweep(host, runtime);
  const { needed, users } = await stillNeeded(host);
  if (needed) {
    log.warn(
      { users, path: HOME },
      "containers are still run by the launcher: it stays; remove it by hand when they are gone",
    );
  } else {
    rmSync(mounted(host, HOME), { recursive: true, force: true });
    removeState(host);
  }
  log.info({ changed }, "uninstalled");
  if (files.exists(pendingPath(config.runDir))) {
    if (config.restart === "none")
      log.warn({}, `SCHEDGATE_RUNTIME_RESTART is none: restart ${config.runtime} by hand to end its handler`);
    await runtime.applyLater();
    files.remove(pendingPath(config.runDir));
  }
  if (!needed) await removeDirectory(host, ask);
}

// The note outlives a kill between the change and the restart: the next run restarts the runtime then.
function unregister(host: Host, runtime: ContainerRuntime): string[] {
  const { files, config } = host;
  const changes = runtime.unregistration().filter(({ path, text }) => readIfThere(files, path) !== text);
  const [first] = changes;
  if (first !== undefined && readPending(files, config.runDir) === undefined)
    writePending(host, { path: first.path, before: first.text ?? null, after: first.text ?? "" });
  for (const wanted of changes) put(host, wanted);
  return changes.map(({ path }) => path);
}

/** What outlives the rest: the lock, and the note of a restart that is due. */
const LAST = ["lock", "restart-pending"];

function removeState(host: Host): void {
  if (!host.files.exists(host.config.runDir)) return;
  const dir = mounted(host, host.config.runDir);
  for (const name of readdirSync(dir).filter((one) => !LAST.includes(one)))
    rmSync(join(dir, name), { recursive: true, force: true });
}

// The directory may be a new agent's mount already, which would not see another one of the same name; nor may two
// programs lock two files.
async function removeDirectory(host: Host, ask: () => Promise<Removal>): Promise<void> {
  if (!host.files.exists(host.config.runDir) || !(await ask()).removed) return;
  const dir = mounted(host, host.config.runDir);
  rmSync(join(dir, "lock"), { force: true });
  try {
    rmdirSync(dir);
  } catch (error) {
    if (codeOf(error) !== "ENOTEMPTY") throw error;
    host.log.warn({ dir, left: readdirSync(dir) }, "somebody writes there again: the directory stays");
  }
}

async function stillBound(host: Host, runtime: ContainerRuntime): Promise<string[]> {
  let bound: string[] = [];
  await poll(host, BOUND_MS, async () => {
    bound = await runtime.bound();
    return bound.length === 0 ? true : undefined;
  });
  return bound;
}

async function stillNeeded(host: Host): Promise<{ needed: boolean; users: number[] }> {
  let users: number[] = [];
  const isFree = await poll(host, LAST_CALLS_MS, () => {
    sweepAsks(host.files, host.config.runDir);
    users = launcherUsers(host.own);
    return users.length > 0 || hasOwners(host) ? undefined : true;
  });
  return { needed: isFree === undefined, users };
}

// Live owners, containers that may become one, or kernel files that still wait to be put back: the state is needed yet.
function hasOwners({ files, config }: Host): boolean {
  const filled = (dir: string): boolean => files.exists(dir) && files.list(dir).length > 0;
  return (
    files.exists(`${config.runDir}/before.json`) ||
    filled(`${config.runDir}/ledger`) ||
    filled(`${config.runDir}/asks`)
  );
}
