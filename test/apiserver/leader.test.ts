import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { resources } from "../../common/kube/paths.ts";
import { hasStatus } from "../../common/kube/port.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import { freePorts } from "../lab/ports.ts";
import { create, eventually, get, namespace, patch, refusalOf, startCluster, tryPod } from "./cluster.ts";
import type { Cluster, Json } from "./cluster.ts";
import { ASK, conditionOf, grant, pod } from "./objects.ts";
import { startWebhook } from "./webhook.ts";
import type { Webhook } from "./webhook.ts";

const { hookGrants, leases, pods, validatingWebhooks } = resources;

jest.setTimeout(90_000);

let cluster: Cluster;
let api: KubeApi;
let replicas: Webhook[] = [];

beforeAll(async () => {
  cluster = await startCluster("leader");
  ({ api } = cluster);
  await namespace(api, "trading");
}, 600_000);

afterAll(async () => {
  await Promise.all(replicas.map((each) => each.stop()));
  await cluster.stop();
}, 60_000);

async function holder(): Promise<string> {
  const lease = await get(api, leases, { namespace: "schedgate-system", name: "schedgate-webhook" });
  return String((lease["spec"] as Json)["holderIdentity"]);
}

/** The replicas that say that they lead, by name. */
async function leaders(): Promise<string[]> {
  const all = await Promise.all(
    replicas.map(
      async (each, i) => [`replica-${String(i)}`, await each.metric("schedgate_leader ")] as const,
    ),
  );
  return all.filter(([, leads]) => leads === 1).map(([name]) => name);
}

/** Until a grant made now has a status. */
async function statusOf(name: string, timeoutMs: number): Promise<unknown> {
  await create(api, hookGrants, grant(name, "trading"));
  const ready = async () => conditionOf(await get(api, hookGrants, { name }), "Ready");
  return eventually(`the status of grant ${name}`, ready, timeoutMs);
}

function tryToAsk(): Promise<unknown> {
  return tryPod(api, "ungranted", pod({ annotations: { [ASK]: "enabled" } }));
}

describe("of two replicas", () => {
  test("exactly one leads, both are ready, and statuses are written", async () => {
    await namespace(api, "ungranted");
    const [port = 0] = await freePorts(1);
    const url = `https://127.0.0.1:${String(port)}`;
    // Both serve the URL's port in a cluster; here the second one does, so that the leader's end ends no service.
    replicas = [await startWebhook(cluster, { name: "replica-0", url })];
    await eventually("a leader", async () => ((await holder()).startsWith("replica-0_") ? true : undefined));
    replicas.push(await startWebhook(cluster, { name: "replica-1", url, port }));
    await Promise.all(replicas.map((each) => each.ready()));
    expect(await leaders()).toEqual(["replica-0"]);
    await statusOf("first", 10_000);
  });

  test("the other takes over when the leader is killed, and admission is served all the time", async () => {
    const killed = Date.now();
    const answers = new Set<string>();
    const [leader, other] = replicas as [Webhook, Webhook];
    await leader.stop("SIGKILL");
    replicas = [other];
    await eventually(
      "the other to lead",
      async () => {
        const error = await refusalOf(tryToAsk());
        answers.add(hasStatus(error, 403) ? "refused" : error.message);
        return (await holder()).startsWith("replica-1_") ? true : undefined;
      },
      30_000,
    );
    expect([...answers]).toEqual(["refused"]);
    expect(Date.now() - killed).toBeLessThan(25_000);
    expect((await other.readyz()).status).toBe(200);

    await statusOf("second", 10_000);
    const before = (await get(api, validatingWebhooks, { name: "schedgate" }))["webhooks"];
    await patch(api, validatingWebhooks, { name: "schedgate" }, { body: { webhooks: [] } });
    const repaired = async () => (await get(api, validatingWebhooks, { name: "schedgate" }))["webhooks"];
    expect(await eventually("the configuration to be put right", repaired, 5_000)).toEqual(before);
    // It is counted when the API server has answered.
    const counted = async () =>
      (await other.metric("schedgate_webhook_configuration_repairs_total")) === 1 || undefined;
    await expect(eventually("one repair to be counted", counted, 5_000)).resolves.toBe(true);
  });

  test("a leader that is told to end lets the next one lead at once", async () => {
    const [ending] = replicas as [Webhook];
    const next = await startWebhook(cluster, { name: "replica-2", url: ending.url });
    replicas.push(next);
    await next.ready();
    expect(await holder()).toMatch(/^replica-1_/);
    const ended = ending.stop("SIGTERM");
    await eventually(
      "the next to lead",
      async () => ((await holder()).startsWith("replica-2_") ? true : undefined),
      5_000,
    );
    expect(await ended).toBe(0);
    replicas = [next];
  });
});

describe("where nobody leads", () => {
  const lease = (spec: Json): Promise<Json> =>
    patch(
      api,
      leases,
      { namespace: "schedgate-system", name: "schedgate-webhook" },
      { body: { spec: { leaseDurationSeconds: 3_600, ...spec } } },
    );
  const limited = (name: string): Promise<Json> =>
    create(api, hookGrants, grant(name, name, { limits: { pods: 2 } }));
  const used = (name: string) => async () =>
    ((await get(api, hookGrants, { name }))["status"] as Json | undefined)?.["used"];
  const ask = (where: string, name: string): Promise<Json> =>
    create(api, pods, pod({ name, annotations: { [ASK]: "enabled" } }), { namespace: where });

  test("a grant whose pods were counted admits more, and one with limits that nobody counted says when to try again", async () => {
    await Promise.all(replicas.map((each) => each.stop("SIGTERM")));
    replicas = [await startWebhook(cluster, { name: "replica-3" })];
    await Promise.all(replicas.map((each) => each.ready()));
    for (const each of ["counted", "new"]) await namespace(api, each);
    await limited("counted");
    await eventually("a first count", used("counted"));
    await lease({ holderIdentity: "somebody_else" });
    await eventually("no leader", async () => ((await leaders()).length === 0 ? true : undefined));
    await limited("new");
    const error = await eventually("the new grant", async () => {
      const refusal = await refusalOf(ask("new", "p"));
      return refusal.message.includes("no HookGrant") ? undefined : refusal;
    });
    expect(error.status).toBe(503);
    expect(error.message).toContain("the use of HookGrant new is not yet counted");
    await expect(ask("counted", "p")).resolves.toBeDefined();
    expect(await used("counted")()).toEqual({ pods: 1, isolatedCPUs: 2 });
    await lease({ holderIdentity: "" });
    await eventually("a first count", used("new"));
    await expect(ask("new", "p")).resolves.toBeDefined();
  });
});
