import { readIfThere } from "../host/host-fs.ts";
import { defaultRunc, dropInOf, handlerIn, registration, unregistered } from "./containerd-plan.ts";
import { askProgram } from "./ask-program.ts";
import type { Host } from "./host.ts";
import { launcherUsers } from "./launcher-users.ts";
import { LAUNCHER } from "./names.ts";
import { requestRestart, restart } from "./restart.ts";
import type { ContainerRuntime } from "./runtime.ts";
import { type TomlTable, tableAt, textAt } from "./toml.ts";

/** containerd: has no reload, so it is restarted; running containers have shims of their own and go on. */
export function containerd(host: Host): ContainerRuntime {
  const { files, config } = host;
  const path = config.runtimeConfig;
  const dump = (): Promise<TomlTable> => askProgram(host, ["--config", path, "config", "dump"]);
  return {
    dump,
    onDisk: dump,
    defaultRunc,
    registration: (dump) => registration(path, readIfThere(files, path), dump),
    unregistration: () => {
      const text = readIfThere(files, path);
      return [
        { path: dropInOf(path), text: undefined },
        ...(text === undefined ? [] : [{ path, text: unregistered(text) }]),
      ];
    },
    registered: (dump) => textAt(tableAt(handlerIn(dump), "options"), "BinaryName") === LAUNCHER,
    // It looks the handler up anew for each container of a sandbox: a restarted one would fail for good.
    bound: () => Promise.resolve(launcherUsers(host.own).map((pid) => `process ${pid}`)),
    apply: () => restart(host, "containerd"),
    applyLater: () => requestRestart(host, "containerd"),
  };
}
