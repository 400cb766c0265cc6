import { randomUUID } from "node:crypto";
import { systemClock as clock } from "../common/clock.ts";
import { endOnUncaught } from "../common/fatal.ts";
import { connectKube } from "../common/kube/client.ts";
import { pathOf, resources } from "../common/kube/paths.ts";
import { createLogger } from "../common/log.ts";
import type { AdmissionDeps } from "./admission/admit.ts";
import type { KeyPair } from "../certs/issue.ts";
import { readConfig } from "./config.ts";
import { Backstop } from "./controller/backstop.ts";
import { ServingCertificate } from "./controller/certificate.ts";
import { Configurations } from "./controller/configurations.ts";
import { Controller } from "./controller/controller.ts";
import { Events } from "./controller/events.ts";
import { Leader } from "./controller/leader.ts";
import { refusalEvent } from "./controller/refusals.ts";
import { Reporter } from "./controller/reporter.ts";
import { FileCertificate } from "./controller/filecertificate.ts";
import { servingNames } from "./controller/servingnames.ts";
import { Inventory } from "./inventory/inventory.ts";
import type { InventoryOptions } from "./inventory/inventory.ts";
import { Pods } from "./inventory/pods.ts";
import { Limits } from "./limits/limits.ts";
import { createMetrics } from "./metrics.ts";
import { createApp } from "./server/app.ts";
import { serveHealth } from "./server/health.ts";
import { readiness } from "./server/readiness.ts";
import { closeServer, createWebhookServer } from "./server/server.ts";

endOnUncaught("webhook");
const config = readConfig();
const { namespace, service, url, port } = config;
const log = createLogger("webhook", config.logLevel).child({ pod: config.podName });
const [ending, ended] = [new AbortController(), new AbortController()];
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.once(signal, () => {
    ending.abort();
  });
}
const onPods = (): void => {
  reporter.wake();
  limits.wake();
};
const onLaw: InventoryOptions["onChange"] = (what) => {
  // Each pod under limits is a change of its grant, and each look of the controller's a call to the API server.
  if (what === "profiles" || !controller.settled) controller.wake();
  onPods();
  backstop.wake();
};
const onChange = (): void => {
  controller.wake();
  onPods();
};

const common = { api: await connectKube(config.kube), clock, log, idleMs: config.staleMs / 2 };
const metrics = createMetrics();
const inventory = new Inventory({ ...common, onChange: onLaw });
const pods = new Pods({ ...common, onChange: onPods, profiles: () => inventory.profiles() });
const limits = new Limits({
  ...{ ...common, inventory, pods },
  ...{ countCall: metrics.countRoomCall, count: metrics.countReservation },
});
const configurations = new Configurations({ ...common, onChange, name: config.configuration });
const path = pathOf(resources.secrets, { namespace, name: config.secret });
const certificate =
  config.certificateDir === undefined
    ? new ServingCertificate({ ...common, path }, servingNames(service, namespace, url), config.leafMs)
    : new FileCertificate({ ...common, directory: config.certificateDir });
const rules: AdmissionDeps["rules"] = (namespace) => inventory.rulesFor(namespace);
const events = new Events({ ...common, instance: config.podName, count: metrics.event });
const count: AdmissionDeps["count"] = (webhook, operation, decision, more) => {
  metrics.count(webhook, operation, decision, more);
  const event = refusalEvent(webhook, decision, more);
  if (event !== undefined) events.record(event);
};
const server = createWebhookServer(
  createApp({
    ...common,
    cluster: inventory,
    room: limits,
    rules,
    count,
    countBadRequest: metrics.countBadRequest,
  }),
);
const place = { namespace, target: url === undefined ? { service: { namespace, name: service } } : { url } };
const useCertificate = (leaf: KeyPair): Promise<void> => server.serve(port, leaf);
const reporter = new Reporter({ ...common, inventory, pods, events, metrics });
const backstopPath = pathOf(resources.configMaps, { namespace, name: config.backstop });
const backstop = new Backstop({ ...common, path: backstopPath, inventory, metrics });
const leasePath = pathOf(resources.leases, { namespace, name: config.lease });
const identity = `${config.podName}_${randomUUID()}`;
// Room is taken by every replica, and given back by the one that follows the pods.
const lead = async (signal: AbortSignal): Promise<void> => {
  await Promise.all([reporter, limits, backstop].map((each) => each.run(signal)));
};
const leader = new Leader({ ...common, path: leasePath, identity, lead, onChange });
metrics.observe({
  caches: { ...inventory.caches, ...configurations.caches, pods },
  leads: () => leader.leads,
  now: () => clock.now(),
});
const controlled = { inventory, configurations, certificate, leader, metrics, place, useCertificate };
const controller = new Controller({ ...common, ...controlled });

const judged = { inventory, configurations, certificate, controller };
const whyNotReady = readiness({ ...judged, clock, ending: ending.signal });
const health = await serveHealth(config.healthPort, { whyNotReady, metrics });
const work = Promise.all([inventory, configurations].map((each) => each.run(ended.signal)));
log.info({ port, healthPort: config.healthPort }, "started");
await Promise.all([controller.run(ending.signal), leader.run(ending.signal)]);
log.info({ drainMs: config.drainMs }, "draining");
await server.drain(config.drainMs, clock);
ended.abort();
await Promise.all([work, closeServer(health, clock)]);
