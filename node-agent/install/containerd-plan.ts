import { dirname } from "node:path";
import { SchedgateError } from "../../common/errors.ts";
import { withBlock, withoutBlock } from "./block.ts";
import { HANDLER, LAUNCHER } from "./names.ts";
import { type TomlTable, parseToml, tableAt, textAt, tomlTable } from "./toml.ts";

/** Where containerd's CRI plugin has its runtimes, by the version of the configuration. */
function runtimesPath(version: number): string[] {
  const plugin =
    version <= 1 ? "cri" : version === 2 ? "io.containerd.grpc.v1.cri" : "io.containerd.cri.v1.runtime";
  return ["plugins", plugin, "containerd", "runtimes"];
}

/** `version` of a configuration; 1 where it says none. */
function versionOf(config: TomlTable): number {
  return typeof config["version"] === "number" ? config["version"] : 1;
}

/** The handler's table in a configuration, {} where there is none. */
export function handlerIn(config: TomlTable): TomlTable {
  return tableAt(config, ...runtimesPath(versionOf(config)), HANDLER);
}

/** The low-level runtime of the default handler, undefined where containerd chooses (runc from its PATH). */
export function defaultRunc(dump: TomlTable): string | undefined {
  return textAt(tableAt(defaultRuntime(dump), "options"), "BinaryName");
}

function defaultRuntime(dump: TomlTable): TomlTable {
  const path = runtimesPath(versionOf(dump));
  const name = textAt(tableAt(dump, ...path.slice(0, -1)), "default_runtime_name") ?? "runc";
  const runtime = tableAt(dump, ...path, name);
  const type = textAt(runtime, "runtime_type") ?? "";
  if (type === "io.containerd.runc.v2") return runtime;
  throw new SchedgateError(
    "E_RUNTIME",
    `containerd's default runtime "${name}" has type "${type}", not io.containerd.runc.v2: nothing to wrap`,
  );
}

/**
 * Our handler: the default one's settings (options are not inherited; without the same SystemdCgroup its pods would
 * use another cgroup driver), with the launcher as its binary and our annotations let through.
 */
function handlerTables(version: number, dump: TomlTable): string {
  const runtime = defaultRuntime(dump);
  const passed = Array.isArray(runtime["pod_annotations"]) ? runtime["pod_annotations"] : [];
  const path = [...runtimesPath(version), HANDLER];
  const ours = ["schedgate.dev/*", "*.schedgate.dev/*", "kubernetes.io/config.source"];
  const annotations = [...new Set([...passed, ...ours])];
  const table = Object.fromEntries(
    Object.entries(runtime).filter(([, value]) => value !== "" && !isEmptyList(value)),
  );
  const options = Object.fromEntries(
    Object.entries(tableAt(runtime, "options")).filter(([, value]) => value !== ""),
  );
  return (
    tomlTable(path, { ...table, pod_annotations: annotations }) +
    tomlTable([...path, "options"], { ...options, BinaryName: LAUNCHER })
  );
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

/** A file as it must be; `text` undefined: the file must not be. */
export interface WantedFile {
  path: string;
  text: string | undefined;
  /** Where it is written before it is renamed; beside it when not said. */
  temporary?: string;
}

/**
 * Where our handler goes: a drop-in where the configuration merges drop-ins deeply (version 3, containerd 2.0 and
 * later) and imports them, else a marked block at the end of config.toml.
 * @param text config.toml as it stands, undefined where there is none.
 * @param dump containerd's own view of its whole configuration.
 * @throws SchedgateError E_HANDLER_TAKEN where somebody else has a handler of this name.
 */
export function registration(path: string, text: string | undefined, dump: TomlTable): WantedFile {
  const theirs = withoutBlock(text ?? "");
  const config = parseToml(theirs, path);
  if (Object.keys(handlerIn(config)).length > 0) {
    throw new SchedgateError(
      "E_HANDLER_TAKEN",
      `${path} has a runtime "${HANDLER}" already that is not schedgate's: rename or remove it`,
    );
  }
  const version = text === undefined || theirs === "" ? Math.max(versionOf(dump), 2) : versionOf(config);
  const tables = handlerTables(version, dump);
  if (dropInsMerge(path, config)) return { path: dropInOf(path), text: `${header(version)}${tables}` };
  const start = theirs === "" ? made(version) : theirs;
  const wanted = withBlock(start, tables);
  parseToml(wanted, `${path} with schedgate's block`);
  return { path, text: wanted };
}

function header(version: number): string {
  return `# Written by schedgate's installer, which removes it again.\nversion = ${version}\n`;
}

// The beginning of a config.toml that was not there before us: with the block out, the file goes too.
function made(version: number): string {
  return `# Made by schedgate's installer.\nversion = ${version}\n`;
}

/** Whether imports of this configuration add to its tables, and ours is imported. */
function dropInsMerge(path: string, config: TomlTable): boolean {
  const imports = Array.isArray(config["imports"]) ? config["imports"] : [];
  return versionOf(config) >= 3 && imports.includes(`${dirname(path)}/conf.d/*.toml`);
}

/** Our drop-in beside config.toml. */
export function dropInOf(path: string): string {
  return `${dirname(path)}/conf.d/schedgate.toml`;
}

/** config.toml without us; undefined where there was none before us. */
export function unregistered(text: string): string | undefined {
  const theirs = withoutBlock(text);
  return /^# Made by schedgate's installer\.\nversion = \d+\n$/.test(theirs) ? undefined : theirs;
}
