import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { systemClock } from "../../common/clock.ts";
import { pathOf, resources } from "../../common/kube/paths.ts";
import { type KubeApi, KubeApiError } from "../../common/kube/port.ts";
import { silentLogger } from "../../common/log.ts";
import { hookWatch } from "../../node-agent/daemon/hook-watch.ts";
import { ISOLATED, readPod, writeCondition } from "../../node-agent/daemon/own-pods.ts";
import { podKeeper } from "../../node-agent/daemon/pods.ts";
import { profileReflector } from "../../node-agent/daemon/profiles.ts";
import { type PretendNode, asAgentOf, pretendNode } from "./agent.ts";
import { create, eventually, get, namespace, refusalOf, remove, startCluster } from "./cluster.ts";
import type { Cluster, Json } from "./cluster.ts";
import { ASK, GRANT, grant, pod, profile, specOf } from "./objects.ts";
import { startWebhook } from "./webhook.ts";
import type { Webhook } from "./webhook.ts";

const { events, hookGrants, hookProfiles, nodes, pods } = resources;

jest.setTimeout(120_000);

let cluster: Cluster;
let api: KubeApi;
let webhook: Webhook;
let agent: KubeApi;
let node: PretendNode;
const stop = new AbortController();
const away = { ready: true };

interface Named {
  namespace: string;
  name: string;
  uid: string;
}

/** A pod on a node that waits for the condition. */
async function podOn(
  nodeName: string,
  where: string,
  name: string,
  annotations: Record<string, string>,
): Promise<Named> {
  const body = pod({ name, annotations });
  const spec = { ...specOf(body), nodeName, readinessGates: [{ conditionType: ISOLATED }] };
  const made = await create(api, pods, { ...body, spec }, { namespace: where });
  return { namespace: where, name, uid: (made["metadata"] as { uid: string }).uid };
}

const ofRuntime = ({ namespace: where, name, uid }: Named) => ({ namespace: where, pod: name, podUID: uid });

async function conditionOf({ namespace: where, name }: Named): Promise<Json | undefined> {
  const { conditions = [] } = (await get(api, pods, { namespace: where, name }))["status"] as {
    conditions?: Json[];
  };
  return conditions.find((each) => each["type"] === ISOLATED);
}

function conditionBecomes(of: Named, status: string, reason: string): Promise<Json> {
  return eventually(`condition ${status} of ${of.name}`, async () => {
    const condition = await conditionOf(of);
    return condition?.["status"] === status && condition["reason"] === reason ? condition : undefined;
  });
}

async function eventsOf({ namespace: where, uid }: Named): Promise<Json[]> {
  const all = (await get(api, events, { namespace: where }))["items"] as Json[];
  const own = all.filter(({ reportingController }) => reportingController === "schedgate.dev/node-agent");
  return own.filter((each) => (each["regarding"] as Json)["uid"] === uid);
}

/** The agent's way to the API server, which a test can cut. */
const cuttable: KubeApi = {
  request: (call) => {
    if (away.ready) return agent.request(call);
    const answer = { status: 0, reason: "", message: "cut" };
    return Promise.reject(new KubeApiError(call, answer));
  },
  watch: (call) => agent.watch(call),
};

beforeAll(async () => {
  cluster = await startCluster("agent");
  ({ api } = cluster);
  for (const name of ["n1", "n2"]) await create(api, nodes, { metadata: { name } });
  await namespace(api, "trading");
  await namespace(api, "outside");
  await create(api, hookGrants, grant("trading", "trading"));
  agent = await asAgentOf(cluster, "n1");
  node = pretendNode();
  const profiles = profileReflector(agent, systemClock, silentLogger, () => undefined);
  const keeper = podKeeper({
    ...{ api: cuttable, clock: systemClock, log: silentLogger, nodeName: "n1", profiles },
    ...{ open: () => node.isolation, count: () => undefined },
  });
  void profiles.run(stop.signal);
  void keeper.run(stop.signal);
  void (async () => {
    while (!stop.signal.aborted) {
      keeper.offer(await node.snapshot());
      await systemClock.sleep(100, stop.signal);
    }
  })();
}, 600_000);

afterAll(async () => {
  stop.abort();
  await webhook.stop();
  await cluster.stop();
  node.remove();
}, 120_000);

describe("a pod that was made while no webhook stood in the way", () => {
  test.each<[string, Record<string, string>, string]>([
    ["no grant", {}, "did not pass schedgate's admission"],
    [
      "another namespace's grant",
      { [GRANT]: "trading" },
      "names HookGrant trading, and none that is there covers",
    ],
    ["a grant that is not there", { [GRANT]: "lost" }, "names HookGrant lost, and none that is there covers"],
  ])("and has %s loses its isolation, and says so", async (what, annotations, words) => {
    const name = what.replaceAll(/[^a-z]/g, "-");
    const one = await podOn("n1", "outside", name, { [ASK]: "enabled", ...annotations });
    const { id } = node.start(`c-${name}`, one);
    const condition = await conditionBecomes(one, "False", "IsolationRefused");
    expect(condition["message"]).toContain(words);
    expect(node.isolation.ledger.find(id)).toMatchObject({
      cpus: "",
      refusal: expect.stringContaining(words),
    });
    expect(await eventsOf(one)).toMatchObject([
      { type: "Warning", reason: "IsolationRefused", note: expect.stringContaining(words) },
    ]);
  });
});

describe("a pod that a grant admitted", () => {
  let one: Named;

  beforeAll(async () => {
    webhook = await startWebhook(cluster);
    await webhook.ready();
    one = await podOn("n1", "trading", "engine-0", { [ASK]: "enabled" });
  }, 60_000);

  test("is told that it is isolated, by its readiness gate and one event, past the webhook", async () => {
    const { id } = node.start("first", one);
    const condition = await conditionBecomes(one, "True", "Isolated");
    expect(condition["message"]).toContain("are isolated (CgroupV2, shown by schedstat)");
    expect(node.isolation.ledger.find(id)).toMatchObject({ right: "HookGrant trading" });
    node.isolation.ledger.remove("first");
    node.start("again", one);
    await eventually("a judgement", () =>
      Promise.resolve(node.isolation.ledger.find("again")?.right === undefined ? undefined : true),
    );
    expect(await eventsOf(one)).toMatchObject([
      { type: "Normal", reason: "Isolated", reportingInstance: "n1" },
    ]);
  });

  test("keeps its right when the grant goes, also for a container that restarts", async () => {
    await remove(api, hookGrants, { name: "trading" });
    node.isolation.ledger.remove("again");
    node.start("restarted", one);
    const judged = await eventually("a judgement", () =>
      Promise.resolve(
        node.isolation.ledger.find("restarted")?.right === "HookGrant trading" ? true : undefined,
      ),
    );
    expect(judged).toBe(true);
  });

  test("keeps what is known while the API is away, and is judged once it is back", async () => {
    const late = await podOn("n1", "outside", "late", {});
    away.ready = false;
    node.start("late", late);
    await systemClock.sleep(1000);
    expect(node.isolation.ledger.find("late")).toMatchObject({ cpus: expect.stringMatching(/^\d+$/) });
    expect(node.isolation.ledger.find("restarted")).toMatchObject({ right: "HookGrant trading" });
    away.ready = true;
    await conditionBecomes(late, "False", "IsolationRefused");
  });
});

describe("an agent", () => {
  let own: Named;
  let other: Named;
  const status = (of: Named, body: unknown, patch: "merge" | "strategic" = "strategic"): Promise<unknown> => {
    const path = pathOf(pods, { namespace: of.namespace, name: of.name, subresource: "status" });
    return agent.request({ method: "PATCH", path, patch, body });
  };

  beforeAll(async () => {
    own = await podOn("n1", "outside", "own", {});
    other = await podOn("n2", "outside", "other", {});
  });

  test("sees pods of its own node, and no others", async () => {
    expect(await readPod(agent, ofRuntime(own))).toMatchObject({ serviceAccount: "default", isGated: true });
    expect(await readPod(agent, { ...ofRuntime(own), podUID: "another" })).toBeUndefined();
    expect(await readPod(agent, { ...ofRuntime(own), pod: "lost" })).toBeUndefined();
    const refusal = await refusalOf(readPod(agent, ofRuntime(other)));
    expect(refusal.message).toContain('only the status of pods on its own node, "n1"');
    for (const at of [{}, { namespace: "outside" }, { namespace: "outside", name: "own" }])
      expect((await refusalOf(get(agent, pods, at))).status).toBe(403);
  });

  test.each<[string, unknown]>([
    ["another condition", { status: { conditions: [{ type: "Ready", status: "True" }] } }],
    ["the phase", { status: { phase: "Failed" } }],
    ["an address", { status: { podIP: "10.0.0.1", podIPs: [{ ip: "10.0.0.1" }] } }],
    ["a label", { metadata: { labels: { a: "b" } } }],
    ["an annotation", { metadata: { annotations: { a: "b" } } }],
    ["a protected annotation", { metadata: { annotations: { [ASK]: "enabled" } } }],
    ["a finalizer", { metadata: { finalizers: ["a.b/c"] } }],
  ])("may not write %s of a pod of its node", async (_, body) => {
    expect((await refusalOf(status(own, body))).status).toBe(403);
  });

  test("may write the condition of no pod of another node", async () => {
    const at = new Date().toISOString();
    const condition = {
      type: ISOLATED,
      status: "True",
      reason: "X",
      message: "",
      lastTransitionTime: at,
    } as const;
    expect((await refusalOf(writeCondition(agent, ofRuntime(other), condition))).status).toBe(403);
    await writeCondition(agent, ofRuntime(own), condition);
    expect(await conditionOf(own)).toMatchObject({ status: "True" });
    await writeCondition(agent, { ...ofRuntime(own), podUID: "another" }, { ...condition, status: "False" });
    expect(await conditionOf(own)).toMatchObject({ status: "True" });
  });

  test.each<[string, Json]>([
    ["of another node", { reportingInstance: "n2" }],
    ["of another controller", { reportingController: "kubelet" }],
    ["about a Node", { regarding: { kind: "Node", name: "n1", namespace: "outside" } }],
  ])("may write no event %s", async (_, more) => {
    const body = {
      metadata: { generateName: "x-", namespace: "outside" },
      ...{
        eventTime: new Date().toISOString().replace("Z", "000Z"),
        type: "Normal",
        reason: "X",
        action: "X",
      },
      ...{ reportingController: "schedgate.dev/node-agent", reportingInstance: "n1" },
      regarding: { kind: "Pod", name: "own", namespace: "outside" },
    };
    const path = pathOf(events, { namespace: "outside" });
    await agent.request({ method: "POST", path, body });
    const refusal = await refusalOf(agent.request({ method: "POST", path, body: { ...body, ...more } }));
    expect(refusal.message).toContain("events about pods only, in its own name and its node's");
  });

  test("names a hook of its node until a profile protects it", async () => {
    const file = "/usr/share/containers/oci/hooks.d/x.json";
    const when = { annotations: { "^x\\.example/hook$": ".*" } };
    node.file(file, JSON.stringify({ version: "1.0.0", hook: { path: "/x" }, when, stages: ["prestart"] }));
    const profiles = profileReflector(agent, systemClock, silentLogger, () => {
      hooks.poke();
    });
    const hooks = hookWatch(node.root, profiles, systemClock);
    void profiles.run(stop.signal);
    void hooks.run(stop.signal);
    const becomes = (count: number): Promise<unknown> =>
      eventually(`${count} hooks`, () =>
        Promise.resolve(hooks.observed()?.length === count ? true : undefined),
      );
    await becomes(1);
    expect(hooks.observed()).toEqual([
      { file, reason: "annotation ^x\\.example/hook$: no HookProfile protects x.example/hook" },
    ]);
    await create(
      api,
      hookProfiles,
      profile("audited", { protects: { annotations: ["x.example/*"] }, enforcement: "Audit" }),
    );
    node.file(file.replace("x.json", "y.json"), JSON.stringify({ version: "1.0.0", when: { always: true } }));
    await becomes(2);
    await create(api, hookProfiles, profile("x", { protects: { annotations: ["x.example/*"] } }));
    await becomes(1);
  });
});
