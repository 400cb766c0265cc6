import { connect } from "node:net";
import { SchedgateError } from "../../common/errors.ts";
import { readIfThere } from "../host/host-fs.ts";
import { defaultRunc, dropInOf, handlerIn, registration, unregistered } from "./containerd-plan.ts";
import { type Host, mounted, onHost, poll, runtimePid } from "./host.ts";
import { LAUNCHER } from "./names.ts";
import type { ContainerRuntime } from "./runtime.ts";
import { parseToml, tableAt, textAt } from "./toml.ts";

const RESTART_MS = 60_000;

/** containerd: has no reload, so it is restarted; running containers have shims of their own and go on. */
export function containerd(host: Host): ContainerRuntime {
  const { files, config } = host;
  const path = config.runtimeConfig;
  return {
    dump: async () => {
      const pid = runtimePid(host);
      if (pid === undefined)
        throw new SchedgateError("E_RUNTIME", `nothing listens on ${config.socket}: is containerd running?`);
      const program = host.own.readlink(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, "");
      const { code, stdout, stderr } = await onHost(host, pid, [program, "--config", path, "config", "dump"]);
      if (code !== 0)
        throw new SchedgateError("E_RUNTIME", `${program} cannot use ${path}: ${stderr.trim().slice(-500)}`);
      return parseToml(stdout, "containerd config dump");
    },
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
    apply: () => restart(host),
  };
}

async function restart(host: Host): Promise<void> {
  const { config, log } = host;
  const before = runtimePid(host);
  log.info({ mode: config.restart, pid: before }, "restarting containerd");
  if (config.restart === "none") {
    log.warn({}, "SCHEDGATE_RUNTIME_RESTART is none: restart containerd by hand to make its handlers known");
    return;
  }
  if (config.restart === "signal" && before !== undefined) process.kill(before, "SIGTERM");
  if (config.restart === "systemd") {
    const { code, stderr } = await host.spawn("nsenter", [
      ..."-t 1 -m -u -i -n -p -- systemctl restart containerd".split(" "),
    ]);
    if (code !== 0)
      throw new SchedgateError(
        "E_RESTART",
        `systemctl restart containerd failed: ${stderr.trim().slice(-500)}`,
      );
  }
  const back = await poll(host, RESTART_MS, async () => {
    const pid = runtimePid(host);
    return pid !== undefined && pid !== before && (await answers(mounted(host, config.socket)))
      ? pid
      : undefined;
  });
  if (back === undefined)
    throw new SchedgateError(
      "E_RESTART",
      `containerd did not come back on ${config.socket} within ${RESTART_MS / 1000} s`,
    );
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket);
    connection.once("connect", () => {
      connection.destroy();
      resolve(true);
    });
    connection.once("error", () => {
      resolve(false);
    });
  });
}
