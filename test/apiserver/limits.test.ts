import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { connectKube } from "../../common/kube/client.ts";
import { pathOf, resources } from "../../common/kube/paths.ts";
import { hasStatus, KubeApiError } from "../../common/kube/port.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import { apiCalls, apiCallsLogged } from "./apicalllog.ts";
import { startBalancer } from "./balancer.ts";
import type { Balancer } from "./balancer.ts";
import {
  create,
  eventually,
  get,
  namespace,
  patch,
  refusalOf,
  remove,
  startCluster,
  tryPod,
} from "./cluster.ts";
import type { Cluster, Json } from "./cluster.ts";
import { annotationsOf, ASK, conditionOf, GRANT, grant, pod } from "./objects.ts";
import type { PodOptions } from "./objects.ts";
import { directTo } from "./vectors/direct.ts";
import { startOtherWebhook } from "./vectors/otherwebhook.ts";
import { startWebhook } from "./webhook.ts";
import type { Webhook } from "./webhook.ts";

const { pods, hookGrants } = resources;
const quotas = { group: "", version: "v1", resource: "resourcequotas" };

/** More than the minute after which a reservation ends whose pod never appeared, and a look. */
const AFTER_A_MINUTE_MS = 80_000;
jest.setTimeout(150_000);

let cluster: Cluster;
let balancer: Balancer;
let webhooks: Webhook[];
/** Behind the balancer. */
let ports: number[];
let api: KubeApi;
let clients: KubeApi[];

beforeAll(async () => {
  cluster = await startCluster("limits");
  ({ api } = cluster);
  clients = await Promise.all([1, 2, 3, 4].map(() => connectKube({ kubeconfig: cluster.lab.kubeconfig })));
  ports = [];
  balancer = await startBalancer(ports);
  webhooks = [await replica("a"), await replica("b")];
  ports.push(...webhooks.map((each) => each.port));
  await Promise.all(webhooks.map((each) => each.ready()));
}, 600_000);

afterAll(async () => {
  await Promise.all(webhooks.map((each) => each.stop()));
  balancer.stop();
  await cluster.stop();
}, 60_000);

/** A replica behind the balancer; the port is its own. */
function replica(name: string): Promise<Webhook> {
  return startWebhook(cluster, { name, env: { SCHEDGATE_URL: balancer.url }, imports: [apiCallsLogged] });
}

/** A namespace with a grant of its name that every replica knows, with all that the leader writes into it at first. */
async function granted(name: string, limits?: Json): Promise<void> {
  await namespace(api, name);
  await create(api, hookGrants, grant(name, name, { ...(limits && { limits }) }));
  // Where the leader was killed, another leads only when its lease is over.
  await expectUsed(name, limits && { pods: 0, isolatedCPUs: 0 }, 30_000);
  await eventually(
    `the conditions of ${name}`,
    async () => conditionOf(await get(api, hookGrants, { name }), "Ready"),
    30_000,
  );
  await allHeard();
}

let heard = 0;

/**
 * Waits until each replica has heard of every write of a grant so far: one whose cache is behind does not know a grant, its first
 * count, or room that is back. It hears of them in their order, so one more grant shows it.
 */
async function allHeard(): Promise<void> {
  const name = `heard-${String((heard += 1))}`;
  await create(api, hookGrants, grant(name, name));
  const body = pod({ runtimeClassName: "wrapper", annotations: { [ASK]: "enabled", [GRANT]: name } });
  const waits = webhooks
    .filter((each) => each.alive())
    .map(async (each) => {
      const direct = await directTo(api, each);
      await eventually(
        `port ${String(each.port)} to know the grant ${name}`,
        async () => (await direct.judge("/validate", name, body)).allowed || undefined,
      );
    });
  await Promise.all(waits);
}

interface Status {
  used?: { pods: number; isolatedCPUs: number };
  holders?: { name: string }[];
}

async function statusOf(name: string): Promise<Status> {
  return (await get(api, hookGrants, { name }))["status"] ?? {};
}

async function expectUsed(name: string, used: Status["used"], timeoutMs = 10_000): Promise<void> {
  let seen: Status = {};
  await eventually(
    `use ${JSON.stringify(used)} of ${name}`,
    async () => {
      seen = await statusOf(name);
      return isDeepStrictEqual(seen.used, used) ? true : undefined;
    },
    timeoutMs,
  ).catch((error: unknown) => {
    throw new Error(`its status is ${JSON.stringify(seen)}`, { cause: error });
  });
}

const asking = (name: string, options: PodOptions = {}): Json =>
  pod({ name, annotations: { [ASK]: "enabled" }, ...options });

function createIn(where: string, name: string, options: PodOptions = {}, client = api): Promise<Json> {
  const path = pathOf(pods, { namespace: where });
  // Many at once on a busy machine take longer than one; where the client gave up, nobody knows what became of it.
  return client.request({
    method: "POST",
    path,
    body: asking(name, options),
    timeoutMs: 60_000,
  }) as Promise<Json>;
}

/** As `createAll`, and again for those that a busy machine did not judge in time, as every controller does. */
async function createAllJudged(where: string, list: readonly string[]): Promise<KubeApiError[]> {
  const errors = await createAll(where, list);
  const late = errors.filter((each) => each.status !== 403);
  if (late.length === 0) return errors;
  process.stderr.write(`${where}: ${String(late.length)} not judged: ${late[0]?.message ?? ""}\n`);
  const again = await createAllJudged(where, names(late.length, `${list[0] ?? ""}-again`));
  return [...errors.filter((each) => each.status === 403), ...again];
}

/** Creates pods all at once; the errors of those that were refused. */
async function createAll(where: string, names: readonly string[]): Promise<KubeApiError[]> {
  const results = await Promise.allSettled(
    names.map((name, i) => createIn(where, name, {}, clients[i % clients.length])),
  );
  return results.flatMap((each) => {
    if (each.status === "fulfilled") return [];
    if (each.reason instanceof KubeApiError) return [each.reason];
    throw each.reason;
  });
}

const names = (count: number, prefix = "p"): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}-${String(i)}`);

async function podsIn(where: string): Promise<Json[]> {
  const list = await api.request({ method: "GET", path: pathOf(pods, { namespace: where }) });
  return (list as { items: Json[] }).items;
}

/** Calls to the API server for room, of all replicas. */
async function roomCalls(): Promise<number> {
  const counts = await Promise.all(webhooks.map((each) => each.metric("schedgate_room_api_calls_total")));
  return counts.reduce((sum, each) => sum + each, 0);
}

function requestsOfEach(): Promise<number[]> {
  return Promise.all(webhooks.map((each) => each.requests()));
}

/** The replica that does not lead: it follows no pods, and writes no status. */
async function theFollower(): Promise<Webhook> {
  for (const each of webhooks.filter((one) => one.alive()))
    if ((await each.metric("schedgate_leader")) === 0) return each;
  throw new Error("no replica follows");
}

/** All calls of a replica to the API server so far, but those that it makes every so often: Lease, CA, watches that begin anew. */
function callsOf(webhook: Webhook): string[] {
  return apiCalls(webhook.log()).filter(
    (each) => !/\/leases\/|\/secrets\/schedgate-webhook-ca$|[?&]watch=true/.test(each),
  );
}

function finish(where: string, name: string, status: Json): Promise<Json> {
  return patch(api, pods, { namespace: where, name, subresource: "status" }, { body: { status } });
}

describe("300 pods at once against two replicas", () => {
  test.each<[string, Json, number]>([
    ["pods", { pods: 25 }, 25],
    ["isolated-cpus", { isolatedCPUs: 50 }, 25],
  ])("get no more than the limit of %s, and exactly that", async (where, limits, admitted) => {
    await granted(where, limits);
    const [before, asked] = [await roomCalls(), await requestsOfEach()];
    const errors = await createAllJudged(where, names(300));
    const calls = (await roomCalls()) - before;
    for (const [i, each] of (await requestsOfEach()).entries()) expect(each).toBeGreaterThan(asked[i] ?? 0);
    expect(await podsIn(where)).toHaveLength(admitted);
    expect(new Set(errors.map((each) => each.status))).toEqual(new Set([403]));
    expect(errors).toHaveLength(300 - admitted);
    expect(errors[0]?.message).toMatch(
      /has no room \((pods: 25\/25 used|isolatedCPUs: 50\/50 used, this pod takes 2)\)/,
    );
    expect((await statusOf(where)).used).toEqual({ pods: admitted, isolatedCPUs: 2 * admitted });
    process.stderr.write(`${where}: ${String(calls)} calls for ${String(admitted)} admitted of 300\n`);
    expect(calls).toBeLessThanOrEqual(admitted);
  });

  test.each(["leader", "follower"])(
    "get no more when the %s is killed in the middle, and as many in the end",
    async (role) => {
      const where = `killed-${role}`;
      await granted(where, { pods: 40 });
      const follower = await theFollower();
      const victim = webhooks.find((each) => (each === follower) === (role === "follower"));
      const all = createAll(where, names(300));
      await eventually("some to be admitted", async () =>
        (await podsIn(where)).length >= 5 ? true : undefined,
      );
      await victim?.stop("SIGKILL");
      await all;
      expect((await podsIn(where)).length).toBeLessThanOrEqual(40);
      let round = 0;
      await eventually(
        "as many pods as the limit allows",
        async () => {
          await createAll(where, names(5, `again-${String((round += 1))}`));
          const { length } = await podsIn(where);
          expect(length).toBeLessThanOrEqual(40);
          return length === 40 ? true : undefined;
        },
        AFTER_A_MINUTE_MS,
      );
      await expectUsed(where, { pods: 40, isolatedCPUs: 80 }, AFTER_A_MINUTE_MS);
      const next = await replica(`after-${role}`);
      webhooks = [...webhooks.filter((each) => each !== victim), next];
      ports.push(next.port);
      await next.ready();
    },
  );
});

describe("an allowed pod", () => {
  test("costs no call of any kind to the API server where its grant has no limits", async () => {
    await granted("free");
    await createIn("free", "p");
    const follower = await theFollower();
    // The API server may have enough connections to the other one; of those that it opens now, half come here.
    balancer.cut();
    await eventually("the way to the webhook", () => createIn("free", "q").catch(() => undefined));
    const [calls, requests] = [callsOf(follower), await follower.requests()];
    expect(await createAll("free", names(40))).toEqual([]);
    expect((await follower.requests()) - requests).toBeGreaterThanOrEqual(10);
    expect(callsOf(follower).slice(calls.length)).toEqual([]);
    expect(calls.length).toBeGreaterThan(0);
  });

  test("costs exactly one call where it has, and one replica serves", async () => {
    await granted("single", { pods: 40 });
    const [only] = webhooks;
    const all = ports.splice(0, ports.length, only?.port ?? 0);
    balancer.cut();
    try {
      await eventually("the way to the webhook", () => createIn("single", "first").catch(() => undefined));
      const before = await roomCalls();
      for (const name of names(10)) await createIn("single", name);
      expect((await roomCalls()) - before).toBe(10);
    } finally {
      ports.splice(0, ports.length, ...all);
      balancer.cut();
    }
  });

  test("costs one call where it has, and no more than three where both replicas write", async () => {
    await granted("counted", { pods: 40 });
    const before = await roomCalls();
    for (const name of names(10)) await createIn("counted", name);
    const calls = (await roomCalls()) - before;
    process.stderr.write(`counted: ${String(calls)} calls for 10 pods, one at a time\n`);
    expect(calls).toBeGreaterThanOrEqual(10);
    // A replica that has not yet heard of the other's write has to read it, and to write again.
    expect(calls).toBeLessThanOrEqual(30);
  });
});

describe("room is back", () => {
  test("when a pod is deleted, succeeds, fails or is evicted", async () => {
    await granted("ending", { pods: 4 });
    for (const name of names(4)) await createIn("ending", name);
    await expectUsed("ending", { pods: 4, isolatedCPUs: 8 });
    expect((await refusalOf(createIn("ending", "more"))).message).toContain("(pods: 4/4 used)");
    await remove(api, pods, { namespace: "ending", name: "p-0" });
    await expectUsed("ending", { pods: 3, isolatedCPUs: 6 });
    await finish("ending", "p-1", { phase: "Succeeded" });
    await expectUsed("ending", { pods: 2, isolatedCPUs: 4 });
    await finish("ending", "p-2", { phase: "Failed", reason: "Evicted" });
    await expectUsed("ending", { pods: 1, isolatedCPUs: 2 });
    const path = pathOf(pods, { namespace: "ending", name: "p-3", subresource: "eviction" });
    const body = {
      apiVersion: "policy/v1",
      kind: "Eviction",
      metadata: { name: "p-3", namespace: "ending" },
    };
    await api.request({ method: "POST", path, body });
    await expectUsed("ending", { pods: 0, isolatedCPUs: 0 });
    await allHeard();
    expect(await createAll("ending", names(4, "next"))).toEqual([]);
  });

  test("within a minute when its pod never appeared, because a quota or another webhook refused it", async () => {
    await granted("quota", { pods: 2 });
    await granted("others", { pods: 1 });
    const other = await startOtherWebhook(api, {
      kind: "validating",
      rule: { resources: ["pods"], operations: ["CREATE"] },
      more: { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "others" } } },
      answer: () => ({ allowed: false, status: { message: "not for another reason" } }),
    });
    const not = await eventually("the other webhook", () =>
      createIn("others", "p").then(
        () => undefined,
        (error: unknown) => String(error),
      ),
    );
    expect(not).toContain("not for another reason");
    expect((await statusOf("others")).used).toEqual({ pods: 1, isolatedCPUs: 2 });
    await other.stop();
    await create(
      api,
      quotas,
      { metadata: { name: "one" }, spec: { hard: { pods: "1" } } },
      { namespace: "quota" },
    );
    await eventually("the quota to be counted", async () => {
      const { status } = (await get(api, quotas, { namespace: "quota", name: "one" })) as { status?: Json };
      return status?.["hard"];
    });
    await createIn("quota", "p");
    expect((await refusalOf(createIn("quota", "too-many"))).message).toContain("exceeded quota");
    expect((await statusOf("quota")).used).toEqual({ pods: 2, isolatedCPUs: 4 });
    await Promise.all([
      expectUsed("quota", { pods: 1, isolatedCPUs: 2 }, AFTER_A_MINUTE_MS),
      expectUsed("others", { pods: 0, isolatedCPUs: 0 }, AFTER_A_MINUTE_MS),
    ]);
  });
});

describe("counted is", () => {
  test("nothing of a dry run, which is judged all the same", async () => {
    await granted("dry", { pods: 1 });
    const dry = (): Promise<unknown> => tryPod(api, "dry", asking("p"));
    await dry();
    await dry();
    expect((await statusOf("dry")).used).toEqual({ pods: 0, isolatedCPUs: 0 });
    await createIn("dry", "real");
    await allHeard();
    expect((await refusalOf(dry())).message).toContain("(pods: 1/1 used)");
  });

  test("every pod that a grant admitted before it had limits", async () => {
    await granted("later");
    for (const name of names(2)) await createIn("later", name);
    await patch(api, hookGrants, { name: "later" }, { body: { spec: { limits: { pods: 2 } } } });
    await expectUsed("later", { pods: 2, isolatedCPUs: 4 });
    await allHeard();
    expect((await refusalOf(createIn("later", "p-2"))).message).toContain("(pods: 2/2 used)");
    await patch(api, hookGrants, { name: "later" }, { body: { spec: { limits: null } } });
    await expectUsed("later", undefined);
    await eventually("its limit to be gone", () => createIn("later", "p-2").catch(() => undefined));
  });

  test("what a resize takes, before it is allowed, and no more when it is given back", async () => {
    await granted("resized", { isolatedCPUs: 5 });
    for (const name of ["p", "q"]) await createIn("resized", name);
    const resize = (name: string, cpu: string, where = "resized"): Promise<Json> => {
      const containers = [{ name: "main", resources: { limits: { cpu }, requests: { cpu } } }];
      const at = { namespace: where, name, subresource: "resize" };
      return patch(api, pods, at, { as: "strategic", body: { spec: { containers } } });
    };
    await granted("fraction", { isolatedCPUs: 3 });
    const sizes = { main: "2", side: "1" };
    await createIn("fraction", "p", {
      containers: { main: { cpu: "2", memory: "64Mi" }, side: { cpu: "1", memory: "64Mi" } },
    });
    await finish("fraction", "p", {
      containerStatuses: Object.entries(sizes).map(([name, cpu]) => ({
        ...{ name, image: "x", imageID: "x", ready: true, restartCount: 0 },
        allocatedResources: { cpu, memory: "64Mi" },
      })),
    });
    // A kubelet's static policy never takes such a size into force.
    await resize("p", "1500m", "fraction");
    await resize("p", "3");
    expect((await statusOf("resized")).used).toEqual({ pods: 2, isolatedCPUs: 5 });
    const { status, message } = await refusalOf(resize("q", "3"));
    expect({ status, message }).toMatchObject({
      status: 403,
      message: expect.stringContaining("has no room (isolatedCPUs: 3/5 used, this pod takes 3)"),
    });
    await resize("p", "1");
    await expectUsed("resized", { pods: 2, isolatedCPUs: 3 }, AFTER_A_MINUTE_MS);
    expect((await statusOf("fraction")).used).toEqual({ pods: 1, isolatedCPUs: 3 });
    await allHeard();
    await resize("q", "3");
    await expectUsed("resized", { pods: 2, isolatedCPUs: 4 });
  });

  test("a container whose opt-out is taken away, before that is allowed", async () => {
    await granted("opted-out", { isolatedCPUs: 3 });
    const form = "cpu-isolation.schedgate.dev/side";
    const two = { cpu: "2", memory: "64Mi" };
    const options = {
      containers: { main: two, side: two },
      annotations: { [ASK]: "enabled", [form]: "disabled" },
    };
    await createIn("opted-out", "p", options);
    expect((await statusOf("opted-out")).used).toEqual({ pods: 1, isolatedCPUs: 2 });
    const at = { namespace: "opted-out", name: "p" };
    const optIn = (): Promise<Json> =>
      patch(api, pods, at, { body: { metadata: { annotations: { [form]: null } } } });
    expect((await refusalOf(optIn())).message).toContain(
      "has no room (isolatedCPUs: 0/3 used, this pod takes 4)",
    );
    await patch(api, pods, at, { body: { metadata: { labels: { a: "b" } } } });
    await patch(api, hookGrants, { name: "opted-out" }, { body: { spec: { limits: { isolatedCPUs: 4 } } } });
    await eventually("the larger grant", () => optIn().catch(() => undefined));
    expect((await statusOf("opted-out")).used).toEqual({ pods: 1, isolatedCPUs: 4 });
  });

  test("and a grant without limits, or with room, is used before one that is full", async () => {
    await granted("a-full", { pods: 1 });
    const subjects = [{ namespace: "a-full" }];
    await createIn("a-full", "first");
    await create(api, hookGrants, grant("b-room", "a-full", { subjects, limits: { pods: 1 } }));
    const second = await eventually("the second grant", () =>
      createIn("a-full", "second").catch(() => undefined),
    );
    expect(annotationsOf(second)[GRANT]).toBe("b-room");
    expect((await refusalOf(createIn("a-full", "third"))).message).toContain("has no room");
    await create(api, hookGrants, grant("c-free", "a-full", { subjects }));
    const third = await eventually("the third grant", () =>
      createIn("a-full", "third").catch(() => undefined),
    );
    expect(annotationsOf(third)[GRANT]).toBe("c-free");
    for (const name of ["b-room", "c-free"]) await remove(api, hookGrants, { name });
  });
});

test("conditions and use share a status without a loss", async () => {
  await granted("shared", { pods: 30 });
  const at = { name: "shared" };
  const flips = names(10).map((_, i) => ({ spec: { notAfter: i % 2 ? null : "2020-01-01T00:00:00Z" } }));
  const flipping = (async () => {
    for (const body of flips) await patch(api, hookGrants, at, { body });
  })();
  const made = names(30).map((name) =>
    eventually(`pod ${name}`, () =>
      createIn("shared", name).catch((error: unknown) => {
        if (hasStatus(error, 409)) return true;
        return undefined;
      }),
    ),
  );
  await Promise.all([flipping, ...made]);
  expect(await podsIn("shared")).toHaveLength(30);
  await expectUsed("shared", { pods: 30, isolatedCPUs: 60 }, AFTER_A_MINUTE_MS);
  await eventually("a Ready grant", async () => {
    const { conditions } = (await statusOf("shared")) as { conditions?: { type: string; status: string }[] };
    return conditions?.some((each) => each.type === "Ready" && each.status === "True") === true || undefined;
  });
});
