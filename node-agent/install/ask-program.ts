import { SchedgateError } from "../../common/errors.ts";
import { type Host, onHost, runtimePid } from "./host.ts";
import { type TomlTable, parseToml } from "./toml.ts";

/**
 * What the running runtime's own program prints of its configuration as TOML.
 * @param args of the program. @throws SchedgateError E_RUNTIME where none runs, or it refuses its configuration.
 */
export async function askProgram(host: Host, args: readonly string[]): Promise<TomlTable> {
  const { config, own } = host;
  const pid = runtimePid(host);
  if (pid === undefined)
    throw new SchedgateError(
      "E_RUNTIME",
      `nothing listens on ${config.socket}: is ${config.runtime} running?`,
    );
  const program = own.readlink(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, "");
  const { code, stdout, stderr } = await onHost(host, pid, [program, ...args]);
  if (code === 0) return parseToml(stdout, `${program} ${args.join(" ")}`);
  throw new SchedgateError(
    "E_RUNTIME",
    `${program} cannot use ${config.runtimeConfig}: ${stderr.trim().slice(-500)}`,
  );
}
