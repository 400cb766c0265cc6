import { readdirSync, rmSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { codeOf } from "../../common/errors.ts";
import { installedPath } from "../host/installed.ts";
import type { Removal } from "../host/removal.ts";
import { sweepAsks } from "../oci/asks.ts";
import { hookFiles } from "./crio.ts";
import { type Host, mounted, poll } from "./host.ts";
import { pendingPath, put } from "./install.ts";
import { launcherUsers } from "./launcher-users.ts";
import { HOME } from "./names.ts";
import type { ContainerRuntime } from "./runtime.ts";

/** The kubelet removes the sandboxes of deleted pods once a minute. */
const BOUND_MS = 80_000;

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
  const wasPending = files.exists(pendingPath(host));
  const changed = runtime.unregistration().filter((wanted) => put(host, wanted));
  files.remove(pendingPath(host));
  sweepAsks(files, config.runDir);
  const users = launcherUsers(host.own);
  if (users.length > 0 || hasOwners(host)) {
    log.warn(
      { users, path: HOME },
      "containers are still run by the launcher: it stays; remove it by hand when they are gone",
    );
  } else {
    rmSync(mounted(host, HOME), { recursive: true, force: true });
    await removeState(host, ask);
  }
  log.info({ changed: changed.map(({ path }) => path) }, "uninstalled");
  if (changed.length > 0 || wasPending) await runtime.applyLater();
}

// The directory may be a new agent's mount already, which would not see another one of the same name; nor may two
// programs lock two files.
async function removeState(host: Host, ask: () => Promise<Removal>): Promise<void> {
  const dir = mounted(host, host.config.runDir);
  const names = readdirSync(dir).filter((name) => name !== "lock");
  for (const name of names) rmSync(join(dir, name), { recursive: true, force: true });
  if (!(await ask()).removed) return;
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

// Live owners, containers that may become one, or kernel files that still wait to be put back: the state is needed yet.
function hasOwners({ files, config }: Host): boolean {
  const filled = (dir: string): boolean => files.exists(dir) && files.list(dir).length > 0;
  return (
    files.exists(`${config.runDir}/before.json`) ||
    filled(`${config.runDir}/ledger`) ||
    filled(`${config.runDir}/asks`)
  );
}
