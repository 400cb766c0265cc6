import { systemClock } from "../../common/clock.ts";
import { messageOf } from "../../common/errors.ts";
import { endOnUncaught } from "../../common/fatal.ts";
import { connectKube } from "../../common/kube/client.ts";
import { createLogger } from "../../common/log.ts";
import { nodeHostFs } from "../host/host-fs.ts";
import { beingRemoved } from "../host/removal.ts";
import { openIsolation } from "../isolation/open.ts";
import { daemonConfig } from "./config.ts";
import { guard } from "./guard.ts";
import { healthServer } from "./health.ts";
import { readInstalled } from "../host/installed.ts";
import { agentMetrics } from "./metrics.ts";
import { noteTo } from "../oci/companion-log.ts";
import { publisher } from "./publisher.ts";
import { serveRequests } from "./requests.ts";

endOnUncaught("node-agent");
const config = daemonConfig();
const log = createLogger("node-agent", config.logLevel);
const hostFs = nodeHostFs();
const clock = systemClock;
const api = await connectKube(config.kube);
const installed = (): boolean => readInstalled(hostFs, config.runDir) !== undefined;
const tell = publisher({ api, clock, log, nodeName: config.nodeName, installed });
const open = () => openIsolation(hostFs, config.runDir, config.cgroupRoot);
const keep = guard({ hostFs, clock, log, runDir: config.runDir, open, onSnapshot: tell.offer });
const served = { hostFs, clock, log, ...config, note: noteTo(config.runDir) };
const health = healthServer(keep, agentMetrics(keep), clock);

const stop = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"]) {
  process.once(signal, () => {
    stop.abort();
  });
}

health.listen(config.healthPort, () => {
  log.info({ node: config.nodeName, port: config.healthPort }, "node agent started");
});
await Promise.all([keep.run(stop.signal), tell.run(stop.signal), serveRequests(served, stop.signal)]);
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
