import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { waitFor } from "../lab/wait.ts";
import { join } from "../apiserver/join.ts";
import type { Webhook } from "../apiserver/webhook.ts";

/** How the kubelet looks: at containers (its PLEG), and by the readinessProbe of manifests/base. */
const CONTAINERS_MS = 1_000;
const PROBE_MS = 2_000;
const FAILURES = 3;

/** From the kubelet's word by EndpointSlice to the rules of each node; kube-proxy collects changes for a second. */
const PROPAGATION_MS = 1_000;

/**
 * One address for all replicas, as a Service is with kube-proxy: a new connection goes to a random ready endpoint, one
 * that is open stays where it is, and with no endpoint there is no connection. A connection to an endpoint that is not there
 * (any more) fails: kube-proxy tries no other. Who is ready is learned as the kubelet and kube-proxy learn it.
 */
export interface Service {
  url: string;
  add(replica: Webhook): void;
  /** Its pod is being deleted. */
  terminate(replica: Webhook): void;
  /** Until new connections may go to it. */
  reaches(replica: Webhook): Promise<void>;
  stop: () => Promise<void>;
}

interface Endpoint {
  replica: Webhook;
  ready: boolean;
  failures: number;
  gone: boolean;
}

/** An address with no endpoint yet. */
export async function startService(): Promise<Service> {
  const endpoints = new Set<Endpoint>();
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const ready = [...endpoints].filter((each) => each.ready);
    const chosen = ready[Math.floor(Math.random() * ready.length)];
    if (chosen === undefined) client.resetAndDestroy();
    else join(client, connect(chosen.replica.port, "127.0.0.1"), open);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const follows: Promise<void>[] = [];
  const find = (replica: Webhook): Endpoint | undefined =>
    [...endpoints].find((each) => each.replica === replica);
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    add: (replica) => {
      const endpoint = { replica, ready: false, failures: 0, gone: false };
      endpoints.add(endpoint);
      follows.push(follow(endpoint).finally(() => endpoints.delete(endpoint)));
    },
    terminate: (replica) => {
      const endpoint = find(replica);
      if (endpoint !== undefined) endpoint.gone = true;
    },
    reaches: async (replica) => {
      await waitFor({ what: `endpoint of ${replica.url}`, timeoutMs: 60_000 }, () =>
        Promise.resolve(find(replica)?.ready === true ? true : undefined),
      );
    },
    stop: async () => {
      for (const each of endpoints) each.gone = true;
      server.close();
      for (const each of open) each.destroy();
      await Promise.all(follows);
    },
  };
}

/** Looks at one endpoint until it is gone: deleted, or its container ended (a restarted one is another endpoint here). */
async function follow(endpoint: Endpoint): Promise<void> {
  for (let probedAt = 0; !endpoint.gone && endpoint.replica.alive();) {
    if (Date.now() - probedAt >= PROBE_MS) {
      probedAt = Date.now();
      const patience = sleep(PROBE_MS).then(() => undefined);
      const answer = await Promise.race([endpoint.replica.readyz().catch(() => undefined), patience]);
      endpoint.failures = answer?.status === 200 ? 0 : endpoint.failures + 1;
      const ready = endpoint.failures === 0 || (endpoint.ready && endpoint.failures < FAILURES);
      if (ready !== endpoint.ready) await sleep(PROPAGATION_MS);
      endpoint.ready = ready;
    }
    await sleep(CONTAINERS_MS);
  }
  await sleep(PROPAGATION_MS);
  endpoint.ready = false;
}
