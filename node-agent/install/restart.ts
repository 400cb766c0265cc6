import { connect } from "node:net";
import { SchedgateError } from "../../common/errors.ts";
import { type Host, mounted, poll, runtimePid } from "./host.ts";

/** A runtime with many containers takes its time. */
const RESTART_MS = 60_000;

/** Restarts the runtime as configured and waits until its socket answers again. `unit` is its name for systemd. */
export async function restart(host: Host, unit: "containerd" | "crio"): Promise<void> {
  const { config, log } = host;
  const before = runtimePid(host);
  log.info({ mode: config.restart, pid: before }, `restarting ${unit}`);
  if (config.restart === "none") {
    log.warn({}, `SCHEDGATE_RUNTIME_RESTART is none: restart ${unit} by hand to make its handlers known`);
    return;
  }
  if (config.restart === "signal" && before !== undefined) process.kill(before, "SIGTERM");
  if (config.restart === "systemd") {
    const { code, stderr } = await host.spawn("nsenter", [
      ..."-t 1 -m -u -i -n -p -- systemctl restart".split(" "),
      unit,
    ]);
    if (code !== 0)
      throw new SchedgateError("E_RESTART", `systemctl restart ${unit} failed: ${stderr.trim().slice(-500)}`);
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
      `${unit} did not come back on ${config.socket} within ${RESTART_MS / 1000} s`,
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
