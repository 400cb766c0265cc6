import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { resources } from "../../common/kube/paths.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import {
  create,
  eventually,
  get,
  kinds,
  must,
  namespace,
  patch,
  refusalOf,
  remove,
  startCluster,
} from "./cluster.ts";
import type { Cluster, Json } from "./cluster.ts";
import { ASK, grant, pod, profile } from "./objects.ts";
import { startWebhook } from "./webhook.ts";
import type { Webhook } from "./webhook.ts";

const { events, hookGrants, hookProfiles, pods } = resources;
const asking = { annotations: { [ASK]: "enabled" } };

jest.setTimeout(60_000);

let cluster: Cluster;
let api: KubeApi;
let webhook: Webhook;

beforeAll(async () => {
  cluster = await startCluster("events");
  ({ api } = cluster);
  await namespace(api, "trading");
  await create(api, pods, pod({ name: "old-0", ...asking }), { namespace: "trading" });
  webhook = await startWebhook(cluster, { name: "replica-0" });
  await webhook.ready();
}, 600_000);

afterAll(async () => {
  await webhook.stop();
  await cluster.stop();
}, 60_000);

async function all(at: string): Promise<Json[]> {
  return (await get(api, events, { namespace: at }))["items"] as Json[];
}

/** The event with this reason about an object with this kind and name. */
function eventOf(at: string, reason: string, kind: string, name: string): Promise<Json> {
  return eventually(`event ${reason} of ${kind} ${name}`, async () =>
    (await all(at)).find((each) => {
      const regarding = each["regarding"] as Json;
      return each["reason"] === reason && regarding["kind"] === kind && regarding["name"] === name;
    }),
  );
}

describe("events", () => {
  test("tell on the ReplicaSet why its pods are refused, once for many", async () => {
    const { spec } = pod() as { spec: Json };
    const labels = { app: "engine" };
    const template = { metadata: { labels, ...asking }, spec };
    const body = {
      metadata: { name: "engine" },
      spec: { replicas: 3, selector: { matchLabels: labels }, template },
    };
    await create(api, kinds.replicaSets, body, { namespace: "trading" });
    const event = await eventOf("trading", "HookNotGranted", "ReplicaSet", "engine");
    expect(event).toMatchObject({ type: "Warning", action: "Create", reportingInstance: "replica-0" });
    expect(event["note"]).toContain("is protected by HookProfile cpu-isolation");
    await eventually("three refusals", async () => ((await webhook.requests()) >= 6 ? true : undefined));
    expect((await all("trading")).filter((each) => each["reason"] === "HookNotGranted")).toHaveLength(1);
    const described = await must(cluster.lab, ["-n", "trading", "describe", "replicaset", "engine"]);
    expect(described).toContain("HookNotGranted");
  });

  test("tell in the namespace of a pod that a person made, and nothing of a dry run", async () => {
    await namespace(api, "research");
    const dryRun = ["-n", "research", "create", "--dry-run=server", "-f", "-"];
    const body = { apiVersion: "v1", kind: "Pod", ...pod({ name: "by-hand", ...asking }) };
    expect((await cluster.lab.kubectl(dryRun, JSON.stringify(body))).stderr).toContain("no HookGrant covers");
    expect((await refusalOf(create(api, pods, body, { namespace: "research" }))).status).toBe(403);
    await eventOf("research", "HookNotGranted", "Namespace", "research");
    expect(await all("research")).toHaveLength(1);
  });

  test("tell on the ReplicaSet of a Deployment, and on a pod that is there, what cannot be", async () => {
    await namespace(api, "unusable");
    await create(api, hookGrants, grant("unusable", "unusable"));
    await eventually("the grant", () =>
      create(api, pods, pod({ name: "there", ...asking }), { namespace: "unusable" }).catch(() => undefined),
    );
    const { spec } = pod({ containers: { main: { cpu: "1500m", memory: "64Mi" } } }) as { spec: Json };
    const labels = { app: "shared" };
    const template = { metadata: { labels, ...asking }, spec };
    const body = { metadata: { name: "shared" }, spec: { selector: { matchLabels: labels }, template } };
    const deployment = await create(api, kinds.deployments, body, { namespace: "unusable" });
    const owner = await eventually("its ReplicaSet", async () => {
      const { items } = (await get(api, kinds.replicaSets, { namespace: "unusable" })) as {
        items?: { metadata: { name: string; uid: string; ownerReferences: Json[] } }[];
      };
      return items?.[0]?.metadata;
    });
    expect(owner.ownerReferences).toMatchObject([{ uid: (deployment["metadata"] as Json)["uid"] }]);
    const event = await eventOf("unusable", "HookRefused", "ReplicaSet", owner.name);
    expect(event).toMatchObject({ type: "Warning", action: "Create", regarding: { uid: owner.uid } });
    expect(event["note"]).toContain("must have whole CPUs of its own");
    await remove(api, kinds.deployments, { namespace: "unusable", name: "shared" });

    const at = { namespace: "unusable", name: "there" };
    const annotations = { [ASK]: "true" };
    expect((await refusalOf(patch(api, pods, at, { body: { metadata: { annotations } } }))).status).toBe(403);
    const updated = await eventOf("unusable", "HookRefused", "Pod", "there");
    expect(updated).toMatchObject({ type: "Warning", action: "Update" });
    expect(updated["note"]).toContain('must be "enabled" or "disabled", not "true"');
  });

  test("tell of a pod that runs without right", async () => {
    const event = await eventOf("trading", "Unauthorized", "Pod", "old-0");
    expect(event["note"]).toContain("no HookGrant covers service account trading/default");
  });

  test("tell of grants and profiles that do not work", async () => {
    const past = { notAfter: "2026-01-01T00:00:00Z" };
    await create(api, hookGrants, grant("past", "research", past));
    await create(api, hookGrants, grant("lost", "research", { profileName: "nobody" }));
    await create(api, hookProfiles, profile("second", { protects: {}, request: { annotation: ASK } }));
    await eventOf("default", "Expired", "HookGrant", "past");
    await eventOf("default", "ProfileMissing", "HookGrant", "lost");
    const taken = await eventOf("default", "RequestTaken", "HookProfile", "second");
    expect(taken["note"]).toContain("the older HookProfile cpu-isolation has the request annotation");
    expect(await webhook.metric('schedgate_events_total{outcome="failed"}')).toBe(0);
  });

  test("stay few where a namespace's pods are refused in a flood", async () => {
    await namespace(api, "flood");
    for (let i = 0; i < 40; i++) {
      const owner = {
        apiVersion: "apps/v1",
        kind: "ReplicaSet",
        name: `r${String(i)}`,
        uid: `u${String(i)}`,
        controller: true,
      };
      const { spec } = pod() as { spec: Json };
      const body = { metadata: { name: "p", ...asking, ownerReferences: [owner] }, spec };
      await refusalOf(create(api, pods, body, { namespace: "flood" }));
    }
    const dropped = async () =>
      (await webhook.metric('schedgate_events_total{outcome="dropped"}')) >= 25 ? true : undefined;
    await eventually("events to be dropped", dropped);
    expect((await all("flood")).length).toBeLessThanOrEqual(15);
  });
});
