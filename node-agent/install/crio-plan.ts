import { HANDLER, HOOK, HOOK_SECONDS, LAUNCHER } from "./names.ts";
import { type TomlTable, tableAt, textAt, tomlTable } from "./toml.ts";

const RUNTIMES = ["crio", "runtime", "runtimes"];
const OWN = [
  "runtime_path",
  "runtime_config_path",
  "allowed_annotations",
  "default_annotations",
  "inherit_default_runtime",
];

/** The default handler of CRI-O's configuration. */
function defaultRuntime(config: TomlTable): TomlTable {
  const name = textAt(tableAt(config, "crio", "runtime"), "default_runtime") ?? "crun";
  return tableAt(config, ...RUNTIMES, name);
}

/** The low-level runtime of the default handler. */
export function defaultRunc(config: TomlTable): string | undefined {
  return textAt(defaultRuntime(config), "runtime_path");
}

/** Our handler in a configuration, {} where there is none. */
export function handlerIn(config: TomlTable): TomlTable {
  return tableAt(config, ...RUNTIMES, HANDLER);
}

/** Where CRI-O keeps the run-time files of its containers, as far as the configuration says. */
export function storageOf(config: TomlTable): { runroot: string | undefined; driver: string | undefined } {
  const crio = tableAt(config, "crio");
  return { runroot: textAt(crio, "runroot"), driver: textAt(crio, "storage_driver") };
}

/** The drop-in: the default handler's settings (the state root must fit the low-level runtime), with the launcher. */
export function dropIn(config: TomlTable): string {
  const kept = Object.entries(defaultRuntime(config)).filter(
    ([key, value]) => !OWN.includes(key) && value !== "",
  );
  const table = { runtime_path: LAUNCHER, runtime_type: "oci", ...Object.fromEntries(kept) };
  return `# Written by schedgate's installer, which removes it again.\n${tomlTable([...RUNTIMES, HANDLER], table)}`;
}

/** A file of hooks.d for one stage: its name and content. The regular expressions are unanchored unless we anchor them. */
export function hookFile(stage: "createRuntime" | "poststop"): { name: string; text: string } {
  const asks = String.raw`^(schedgate\.dev/cpu-isolation|cpu-isolation\.schedgate\.dev/[^/]+)$`;
  const hook = {
    version: "1.0.0",
    hook: { path: HOOK, args: ["hook.sh", stage], timeout: HOOK_SECONDS },
    when: { annotations: { [asks]: "^enabled$" } },
    stages: [stage],
  };
  return {
    name: `50-schedgate-${stage.toLowerCase()}.json`,
    text: `${JSON.stringify(hook, undefined, 2)}\n`,
  };
}
