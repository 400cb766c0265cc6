import { systemClock } from "../../common/clock.ts";
import { messageOf } from "../../common/errors.ts";
import { endOnUncaught } from "../../common/fatal.ts";
import { connectKube } from "../../common/kube/client.ts";
import { createLogger } from "../../common/log.ts";
import { nodeHostFs } from "../host/host-fs.ts";
import { readInstalled } from "../host/installed.ts";
import { beingRemoved } from "../host/removal.ts";
import { nodeSpawn } from "../host/spawn.ts";
import { installConfig } from "./config.ts";
import { containerd } from "./containerd.ts";
import { crio } from "./crio.ts";
import { healthServer } from "./health.ts";
import { install } from "./install.ts";
import { librariesHere } from "./programs.ts";
import { uninstall } from "./uninstall.ts";

/** Somebody may rewrite the runtime's configuration: it is looked at this often. */
const RECHECK_MS = 60_000;
const RETRY_MS = 3000;

endOnUncaught("installer");
const config = installConfig();
const log = createLogger("installer", config.logLevel);
const files = nodeHostFs(config.hostRoot);
const host = { config, files, own: nodeHostFs(), spawn: nodeSpawn, clock: systemClock, log };
const runtime = config.runtime === "crio" ? crio(host) : containerd(host);
const image = { app: import.meta.dirname, node: process.execPath, libraries: librariesHere() };
const stop = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"])
  process.once(signal, () => {
    stop.abort();
  });
if (config.healthPort !== undefined)
  healthServer(() => readInstalled(files, config.runDir) !== undefined).listen(config.healthPort);

while (!stop.signal.aborted) {
  let pause = RECHECK_MS;
  try {
    await install(host, runtime, image);
  } catch (error) {
    log.error({ error: messageOf(error) }, "not installed; trying again");
    pause = RETRY_MS;
  }
  await systemClock.sleep(pause, stop.signal);
}
// A rolling update stops this process too: only where the DaemonSet itself goes is anything taken away.
const api = await connectKube(config.kube);
const ask = () => beingRemoved(api, config.namespace, config.daemonSet);
const { removed, why } = await ask();
log.info({ removed, why }, "installer ends");
if (removed) {
  await uninstall(host, runtime, ask).catch((error: unknown) => {
    log.error({ error: messageOf(error) }, "not everything could be taken away");
    process.exitCode = 1;
  });
}
process.exit();
