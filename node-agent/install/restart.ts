import { connect } from "node:net";
import { SchedgateError } from "../../common/errors.ts";
import { type Host, mounted, poll, runtimePid } from "./host.ts";

/** A runtime with many containers takes its time. */
export const RESTART_MS = 60_000;

type Unit = "containerd" | "crio";

/** Restarts the runtime as configured and waits until its socket answers again. `unit` is its name for systemd. */
export async function restart(host: Host, unit: Unit): Promise<void> {
  const { config } = host;
  const before = runtimePid(host);
  await requestRestart(host, unit);
  if (config.restart === "none") return;
  const back = await poll(host, RESTART_MS, async () => {
    const pid = runtimePid(host);
    return pid !== undefined && pid !== before && (await answers(mounted(host, config.socket)))
      ? pid
      : undefined;
  });
  if (back === undefined)
    throw new SchedgateError(
      "E_RESTART",
      `${unit} did not come back on ${config.socket} within ${RESTART_MS / 1000} s`,
    );
}

/** Asks for the restart only. @throws SchedgateError E_RESTART */
export async function requestRestart(host: Host, unit: Unit): Promise<void> {
  const { config, log } = host;
  const pid = runtimePid(host);
  log.info({ mode: config.restart, pid }, `restarting ${unit}`);
  switch (config.restart) {
    case "none":
      return; // the caller says that somebody has to
    case "signal":
      if (pid !== undefined) process.kill(pid, "SIGTERM");
      return;
    case "systemd": {
      const command = [
        "-t",
        "1",
        "-m",
        "-u",
        "-i",
        "-n",
        "-p",
        "--",
        "systemctl",
        "--no-block",
        "restart",
        unit,
      ];
      const { code, stderr } = await host.spawn("nsenter", command);
      if (code === 0) return;
      throw new SchedgateError("E_RESTART", `systemctl restart ${unit} failed: ${stderr.trim().slice(-500)}`);
    }
  }
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
