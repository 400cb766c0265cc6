import { dirname } from "node:path";
import { SchedgateError, codeOf } from "../../common/errors.ts";
import { type HostFs, isGone, sweepTemporaries } from "../host/host-fs.ts";
import { type Installed, installedPath } from "../host/installed.ts";
import { hookFiles } from "./crio.ts";
import type { Host } from "./host.ts";
import { launcherConf } from "./launcher-conf.ts";
import { lowLevelRuntime } from "./low-level.ts";
import { HANDLER, HOME } from "./names.ts";
import { type Image, installPrograms } from "./programs.ts";
import { put } from "./put.ts";
import { currentDump, register } from "./register.ts";
import type { ContainerRuntime } from "./runtime.ts";

/** Makes the node able to run the handler; nothing happens where all is as it must be. @throws SchedgateError */
export async function install(host: Host, runtime: ContainerRuntime, image: Image): Promise<void> {
  const { files, config, log } = host;
  files.mkdirs(config.runDir);
  sweep(host, runtime);
  refuseLink(host, config.runtimeConfig);
  const dump = await currentDump(host, runtime);
  const runc = config.runc ?? lowLevelRuntime(host, runtime.defaultRunc(dump));
  const libraries = await installPrograms(host, image);
  files.replace(`${HOME}/etc/launcher.conf`, launcherConf(config, runc, libraries));
  const wanted = runtime.registration(dump);
  refuseLink(host, wanted.path);
  await register(host, runtime, wanted);
  // The binary is there before the file that names it: a hook whose binary is missing is skipped silently.
  if (config.runtime === "crio") for (const hook of hookFiles(config.hooksDir)) put(host, hook);
  const installed: Installed = { version: 1, runtime: config.runtime, handler: HANDLER, config: wanted.path };
  if (put(host, { path: installedPath(config.runDir), text: `${JSON.stringify(installed)}\n` })) {
    log.info({ ...installed, runc }, "installed");
  }
}

/** Removes what writers that were killed left beside the files that they wrote. */
export function sweep({ files, own, config }: Host, runtime: ContainerRuntime): void {
  const ours = [...["bin", "lib", "etc"].map((name) => `${HOME}/${name}`), config.runDir];
  const theirs = runtime.unregistration().map(({ path }) => dirname(path));
  for (const dir of new Set([...ours, `${config.runDir}/ledger`, config.hooksDir, ...theirs]))
    sweepTemporaries(files, own, dir);
}

// A link would be resolved in this pod, not on the host, and replaced by a file.
function refuseLink({ files }: Host, path: string): void {
  const target = linkAt(files, path);
  if (target === undefined) return;
  throw new SchedgateError(
    "E_CONFIG",
    `${path} is a symbolic link to ${target}: set SCHEDGATE_RUNTIME_CONFIG to the path of what it leads to`,
  );
}

function linkAt(files: HostFs, path: string): string | undefined {
  try {
    return files.readlink(path);
  } catch (error) {
    if (isGone(error) || codeOf(error) === "EINVAL") return undefined; // EINVAL: there, and no link
    throw error;
  }
}
