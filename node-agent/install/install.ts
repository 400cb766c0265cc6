import { SchedgateError, codeOf } from "../../common/errors.ts";
import { type HostFs, isGone, readIfThere } from "../host/host-fs.ts";
import { type Installed, installedPath } from "../host/installed.ts";
import type { WantedFile } from "./containerd-plan.ts";
import { hookFiles } from "./crio.ts";
import type { Host } from "./host.ts";
import { launcherConf } from "./launcher-conf.ts";
import { HANDLER, HOME } from "./names.ts";
import { type Image, installPrograms } from "./programs.ts";
import type { ContainerRuntime } from "./runtime.ts";

/** A restart that is due: written before the configuration changes, removed when the runtime has taken it up. */
export function pendingPath(host: Host): string {
  return `${host.config.runDir}/restart-pending`;
}

/** Makes the node able to run the handler; nothing happens where all is as it must be. @throws SchedgateError */
export async function install(host: Host, runtime: ContainerRuntime, image: Image): Promise<void> {
  const { files, config, log } = host;
  files.mkdirs(config.runDir);
  refuseLink(host, config.runtimeConfig);
  const dump = await runtime.dump();
  const runc = config.runc ?? inPath(host, runtime.defaultRunc(dump));
  const libraries = await installPrograms(host, image);
  files.replace(`${HOME}/etc/launcher.conf`, launcherConf(config, runc, libraries));
  const wanted = runtime.registration(dump);
  refuseLink(host, wanted.path);
  if (readIfThere(files, wanted.path) !== wanted.text || files.exists(pendingPath(host))) {
    files.replace(pendingPath(host), "");
    await change(host, runtime, wanted);
    await runtime.apply();
    files.remove(pendingPath(host));
  }
  // The binary is there before the file that names it: a hook whose binary is missing is skipped silently.
  if (config.runtime === "crio") for (const hook of hookFiles(config.hooksDir)) put(host, hook);
  const installed: Installed = { version: 1, runtime: config.runtime, handler: HANDLER, config: wanted.path };
  if (put(host, { path: installedPath(config.runDir), text: `${JSON.stringify(installed)}\n` })) {
    log.info({ ...installed, runc }, "installed");
  }
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

// A configuration that the runtime itself cannot read must never meet a restart.
async function change(host: Host, runtime: ContainerRuntime, wanted: WantedFile): Promise<void> {
  const before = readIfThere(host.files, wanted.path);
  put(host, wanted);
  if (host.config.runtime === "crio") return; // shows its running configuration only: asked after the reload
  try {
    if (runtime.registered(await runtime.dump())) return;
    throw new SchedgateError(
      "E_RUNTIME",
      `the runtime does not see its handler "${HANDLER}" in ${wanted.path}`,
    );
  } catch (error) {
    put(host, { path: wanted.path, text: before });
    host.files.remove(pendingPath(host));
    throw error;
  }
}

/** Brings a file to its content. Returns whether it was another. */
export function put({ files }: Host, { path, text, temporary }: WantedFile): boolean {
  if (readIfThere(files, path) === text) return false;
  if (text === undefined) {
    files.remove(path);
    return true;
  }
  files.mkdirs(path.slice(0, path.lastIndexOf("/")));
  files.replace(path, text, undefined, temporary);
  return true;
}

const PATH = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

function inPath({ files }: Host, name: string | undefined): string {
  if (name?.startsWith("/") === true) return name;
  const names = name === undefined ? ["runc", "crun"] : [name];
  const found = names.flatMap((one) => PATH.map((dir) => `${dir}/${one}`)).find((path) => files.exists(path));
  if (found !== undefined) return found;
  throw new SchedgateError(
    "E_RUNC",
    `no low-level runtime (${names.join(", ")}) in ${PATH.join(":")}: set SCHEDGATE_RUNC`,
  );
}
