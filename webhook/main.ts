import { systemClock as clock } from "../common/clock.ts";
import { connectKube } from "../common/kube/client.ts";
import { pathOf, resources } from "../common/kube/paths.ts";
import { createLogger } from "../common/log.ts";
import { readConfig } from "./config.ts";
import { ServingCertificate, servingNames } from "./controller/certificate.ts";
import { Configurations } from "./controller/configurations.ts";
import { Controller } from "./controller/controller.ts";
import { Inventory } from "./inventory/inventory.ts";
import { Pods } from "./inventory/pods.ts";
import { Limits } from "./limits/limits.ts";
import { createMetrics } from "./metrics.ts";
import { createApp } from "./server/app.ts";
import { serveHealth } from "./server/health.ts";
import { readiness } from "./server/readiness.ts";
import { closeServer, createWebhookServer } from "./server/server.ts";

const config = readConfig();
const { namespace, service, url, port } = config;
const log = createLogger("webhook", config.logLevel).child({ pod: config.podName });
const [ending, ended] = [new AbortController(), new AbortController()];
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.once(signal, () => {
    ending.abort();
  });
}
const onChange = (): void => {
  controller.wake();
  limits.wake();
};

const common = { api: await connectKube(config.kube), clock, log };
const metrics = createMetrics();
const inventory = new Inventory({ ...common, onChange });
const pods = new Pods({
  ...common,
  onChange: () => {
    limits.wake();
  },
});
const limits = new Limits({ ...common, inventory, pods, countCall: metrics.countRoomCall });
const configurations = new Configurations({ ...common, onChange, name: config.configuration });
const path = pathOf(resources.secrets, { namespace, name: config.secret });
const certificate = new ServingCertificate({ ...common, path }, servingNames(service, namespace, url));
const rules = () => inventory.rules();
const server = createWebhookServer(
  createApp({ ...common, classes: inventory, room: limits, rules, count: metrics.count }),
);
const place = { namespace, target: url === undefined ? { service: { namespace, name: service } } : { url } };
const { useCertificate } = server;
const controlled = { inventory, configurations, certificate, metrics, place, useCertificate };
const controller = new Controller({ ...common, ...controlled });

const judged = { inventory, configurations, certificate, controller };
const whyNotReady = readiness({ ...judged, clock, ending: ending.signal });
const health = await serveHealth(config.healthPort, { whyNotReady, metrics });
const work = Promise.all([inventory, configurations, pods].map((each) => each.run(ended.signal)));
await certificate.refresh();
if (certificate.current !== undefined) await server.listen(port, certificate.current);
log.info({ port, healthPort: config.healthPort }, "serving");
// Only now: before this process serves, nothing may be sent here.
const keeping = limits.run(ending.signal);
await controller.run(ending.signal);
log.info({ drainMs: config.drainMs }, "draining");
await server.drain(config.drainMs, clock);
ended.abort();
await Promise.all([work, keeping, closeServer(health, clock)]);
