import { systemClock } from "../../common/clock.ts";
import { messageOf } from "../../common/errors.ts";
import { endOnUncaught } from "../../common/fatal.ts";
import { connectKube } from "../../common/kube/client.ts";
import { createLogger } from "../../common/log.ts";
import { nodeHostFs } from "../host/host-fs.ts";
import { readInstalled } from "../host/installed.ts";
import { beingRemoved } from "../host/removal.ts";
import { nodeSpawn } from "../host/spawn.ts";
import { lostEntries } from "./lost.ts";
import { installConfig } from "./config.ts";
import { containerd } from "./containerd.ts";
import { crio } from "./crio.ts";
import { healthServer } from "./health.ts";
import { install } from "./install.ts";
import { librariesHere } from "./programs.ts";
import { progress } from "./progress.ts";
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
const how = progress(systemClock);
if (config.healthPort !== undefined)
  healthServer(() => readInstalled(files, config.runDir) !== undefined, how).listen(config.healthPort);

switch (process.argv[2]) {
  case undefined:
    await serve();
    break;
  case "install":
    await once("not installed", () => install(host, runtime, image));
    break;
  case "uninstall":
    await once("not everything could be taken away", () => {
      const ask = () => Promise.resolve({ removed: true, why: "by hand" });
      return uninstall(host, runtime, ask);
    });
    break;
  default:
    process.stderr.write(
      "usage: install.mjs [install | uninstall]; without one: until its DaemonSet is gone\n",
    );
    process.exitCode = 2;
}
process.exit();

async function serve(): Promise<void> {
  const rebuildLost = lostEntries(host);
  while (!stop.signal.aborted) {
    let pause = RECHECK_MS;
    try {
      await install(host, runtime, image);
      how.succeeded();
    } catch (error) {
      how.failed();
      log.error({ error: messageOf(error) }, "not installed; trying again");
      pause = RETRY_MS;
    }
    await rest(pause, rebuildLost);
  }
  // A rolling update stops this process too: only where the DaemonSet itself goes is anything taken away.
  const api = await connectKube(config.kube);
  const ask = () => beingRemoved(api, config.namespace, config.daemonSet);
  const { removed, why } = await ask();
  log.info({ removed, why }, "installer ends");
  if (removed) await once("not everything could be taken away", () => uninstall(host, runtime, ask));
}

async function rest(ms: number, meanwhile: () => Promise<void>): Promise<void> {
  for (const end = Date.now() + ms; Date.now() < end && !stop.signal.aborted;) {
    await meanwhile().catch((error: unknown) => {
      log.error({ error: messageOf(error) }, "lost ledger entries could not be looked at");
    });
    await systemClock.sleep(RETRY_MS, stop.signal);
  }
}

async function once(failed: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    log.error({ error: messageOf(error) }, failed);
    process.exitCode = 1;
  }
}
