import { request } from "node:http";
import { dirname } from "node:path";
import { SchedgateError, messageOf } from "../../common/errors.ts";
import { readIfThere } from "../host/host-fs.ts";
import { parseBundle } from "../oci/bundle.ts";
import { askProgram } from "./ask-program.ts";
import { defaultRunc, dropIn, handlerIn, hookFile, storageOf } from "./crio-plan.ts";
import { type Host, mounted, runtimePid } from "./host.ts";
import { HANDLER, LAUNCHER } from "./names.ts";
import { requestRestart, restart } from "./restart.ts";
import type { ContainerRuntime } from "./runtime.ts";
import { type TomlTable, parseToml, textAt } from "./toml.ts";

/** CRI-O: merges drop-ins, needs a restart for a new handler, and tells its configuration on its socket. */
export function crio(host: Host): ContainerRuntime {
  const path = `${host.config.runtimeConfig}/60-schedgate.conf`;
  // CRI-O reads every file of its drop-in directory, whatever its name.
  const temporary = `${dirname(host.config.runtimeConfig)}/.schedgate.tmp`;
  const dump = (): Promise<TomlTable> => ask(mounted(host, host.config.socket));
  const registered = (config: TomlTable): boolean => textAt(handlerIn(config), "runtime_path") === LAUNCHER;
  return {
    dump,
    // "crio --config … config" prints what the same arguments would give at a start; the socket tells the running one.
    onDisk: () => askProgram(host, [...argumentsOf(host), "config"]),
    defaultRunc,
    registration: (config) => {
      const known = textAt(handlerIn(config), "runtime_path");
      if (known === undefined || known === LAUNCHER) return { path, text: dropIn(config), temporary };
      throw new SchedgateError(
        "E_HANDLER_TAKEN",
        `CRI-O has a runtime "wrapper" already (${known}): rename or remove it`,
      );
    },
    unregistration: () => [path, temporary].map((one) => ({ path: one, text: undefined })),
    registered,
    // SIGHUP shows the handler in the configuration but not to pods: cri-o/cri-o#10202.
    bound: async () => sandboxesOf(host, await dump()),
    apply: () => restart(host, "crio"),
    applyLater: () => requestRestart(host, "crio"),
  };
}

function argumentsOf(host: Host): string[] {
  const pid = runtimePid(host);
  const words = pid === undefined ? "" : host.own.read(`/proc/${pid}/cmdline`);
  return words.split("\0").slice(1, -1);
}

// CRI-O looks its handler up by name for each stop and removal: without it they fail for good.
function sandboxesOf({ files }: Host, config: TomlTable): string[] {
  const { runroot = "/run/containers/storage", driver = "overlay" } = storageOf(config);
  const dir = `${runroot}/${driver}-containers`;
  if (!files.exists(dir)) return [];
  return files.subdirectories(dir).filter((id) => {
    const text = readIfThere(files, `${dir}/${id}/userdata/config.json`);
    return (
      text !== undefined && parseBundle(text).annotations["io.kubernetes.cri-o.RuntimeHandler"] === HANDLER
    );
  });
}

// "crio status config" is a GET of /config on the same socket; its answer is TOML.
function ask(socketPath: string): Promise<TomlTable> {
  return new Promise((resolve, reject) => {
    const failed = (cause: unknown): void => {
      reject(
        new SchedgateError(
          "E_RUNTIME",
          `CRI-O does not tell its configuration on ${socketPath}: ${messageOf(cause)}`,
          { cause },
        ),
      );
    };
    const call = request({ socketPath, path: "/config", timeout: 10_000 }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (text += chunk));
      response.once("error", failed);
      response.once("end", () => {
        try {
          if (response.statusCode !== 200) throw new Error(`HTTP ${response.statusCode ?? 0}`);
          resolve(parseToml(text, "CRI-O's configuration"));
        } catch (error) {
          failed(error);
        }
      });
    });
    call.once("timeout", () => call.destroy(new Error("no answer in 10 s")));
    call.once("error", failed);
    call.end();
  });
}

/** The files of hooks.d, by their paths. */
export function hookFiles(dir: string): { path: string; text: string }[] {
  return (["createRuntime", "poststop"] as const)
    .map(hookFile)
    .map(({ name, text }) => ({ path: `${dir}/${name}`, text }));
}
