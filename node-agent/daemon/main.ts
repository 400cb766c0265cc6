import { systemClock } from "../../common/clock.ts";
import { messageOf } from "../../common/errors.ts";
import { endOnUncaught } from "../../common/fatal.ts";
import { connectKube } from "../../common/kube/client.ts";
import { createLogger } from "../../common/log.ts";
import { nodeHostFs } from "../host/host-fs.ts";
import { beingRemoved } from "../host/removal.ts";
import { openIsolation } from "../isolation/open.ts";
import type { Isolation } from "../isolation/reconcile.ts";
import { daemonConfig } from "./config.ts";
import { guard } from "./guard.ts";
import { healthServer } from "./health.ts";
import { hookWatch } from "./hook-watch.ts";
import { readInstalled } from "../host/installed.ts";
import { agentMetrics } from "./metrics.ts";
import { noteTo } from "../oci/companion-log.ts";
import { companionConfig } from "../oci/config.ts";
import { podKeeper } from "./pods.ts";
import { profileReflector } from "./profiles.ts";
import { publisher } from "./publisher.ts";
import { requestServer } from "./requests.ts";
import { rescuer } from "./rescue.ts";

endOnUncaught("node-agent");
const config = daemonConfig();
const log = createLogger("node-agent", config.logLevel);
const hostFs = nodeHostFs();
const clock = systemClock;
const api = await connectKube(config.kube);
const installed = (): boolean => readInstalled(hostFs, config.runDir) !== undefined;
const { nodeName } = config;
const profiles = profileReflector(api, clock, log, () => {
  hooks.poke();
});
const hooks = hookWatch(config.hooksRoot, profiles, clock);
const tell = publisher({ api, clock, log, nodeName, installed, observedHooks: hooks.observed });
let opened: Isolation | undefined;
const open = () => (opened ??= openIsolation(hostFs, config.runDir, config.cgroupRoot));
// In this pod nothing of a container is to be seen but what its launcher noted.
const companion = { ...companionConfig({}), ...config, byNotes: true };
const keep = guard({
  hostFs,
  clock,
  log,
  runDir: config.runDir,
  open,
  rescue: rescuer(hostFs, companion, log),
  onSnapshot: (snapshot) => {
    tell.offer(snapshot);
    pods.offer(snapshot);
  },
});
const metrics = agentMetrics(keep, hooks);
const pods = podKeeper({ api, clock, log, nodeName, profiles, open, count: metrics.countEvent });
const notes = { note: noteTo(config.runDir), count: metrics.countRequest };
const requests = requestServer({ hostFs, clock, log, config: companion, open, ...notes });
const health = healthServer(keep, metrics, clock);

const stop = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"]) {
  process.once(signal, () => {
    stop.abort();
  });
}

health.listen(config.healthPort, () => {
  log.info({ node: nodeName, port: config.healthPort }, "node agent started");
});
const parts = [keep, tell, hooks, pods, profiles, requests];
await Promise.all(parts.map((part) => part.run(stop.signal)));
health.close();
// What live containers own stays isolated in either case; the ledger outlives this process.
const { removed, why } = await beingRemoved(api, config.namespace, config.daemonSet);
log.info({ removed, why }, "node agent ends");
if (removed) {
  await tell.withdraw().catch((error: unknown) => {
    log.warn({ error: messageOf(error) }, "label and NodeIsolation of this node could not be removed");
  });
}
process.exit(0);
