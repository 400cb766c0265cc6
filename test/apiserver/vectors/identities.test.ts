import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { resources } from "../../../common/kube/paths.ts";
import type { KubeApi } from "../../../common/kube/port.ts";
import { create, eventually, get, kinds, namespace, patch, refusalOf, remove } from "../cluster.ts";
import type { Json } from "../cluster.ts";
import { annotationsOf, asNode, ASK, GRANT, grant, mirrorOf, pod, specOf } from "../objects.ts";
import type { PodOptions } from "../objects.ts";
import { startOtherWebhook } from "./otherwebhook.ts";
import { openWorld } from "./world.ts";
import type { World } from "./world.ts";

const { pods, hookGrants, nodes } = resources;
const asking = { annotations: { [ASK]: "enabled" } };

jest.setTimeout(30_000);

let world: World;
let api: KubeApi;

beforeAll(async () => {
  world = await openWorld("identities");
  ({ api } = world);
}, 600_000);

afterAll(() => world.stop(), 60_000);

describe("who writes does not matter, whose pod it is does", () => {
  test("a cluster's admin is refused like anybody", async () => {
    const as = ["--as=root", "--as-group=system:masters"];
    const { code, stderr } = await world.raw("create", "/api/v1/namespaces/trading/pods", pod(asking), ...as);
    expect({ code, said: stderr.includes("no HookGrant covers service account trading/default") }).toEqual({
      code: 1,
      said: true,
    });
  });

  test("pods of a controller are judged, also those that scaling makes", async () => {
    const spec = { ...specOf(pod()), terminationGracePeriodSeconds: 0 };
    const template = { metadata: { labels: { app: "rs" }, ...asking }, spec };
    const body = {
      metadata: { name: "rs" },
      spec: { replicas: 0, selector: { matchLabels: { app: "rs" } }, template },
    };
    for (const where of ["trading", "granted"]) {
      await create(api, kinds.replicaSets, body, { namespace: where });
      const at = { namespace: where, name: "rs" };
      await patch(
        api,
        kinds.replicaSets,
        { ...at, subresource: "scale" },
        { body: { spec: { replicas: 1 } } },
      );
    }
    const failure = await eventually("the ReplicaSet to say why", async () => {
      const { status } = await get(api, kinds.replicaSets, { namespace: "trading", name: "rs" });
      const { conditions = [] } = status as { conditions?: { type: string; message: string }[] };
      return conditions.find((each) => each.type === "ReplicaFailure")?.message;
    });
    expect(failure).toContain("no HookGrant covers service account trading/default");
    // It would try again and again, and be counted in what other tests count.
    await remove(api, kinds.replicaSets, { namespace: "trading", name: "rs" });
    const [made] = await eventually("the granted pod", async () => {
      const { items } = (await get(api, pods, { namespace: "granted" })) as unknown as { items: Json[] };
      const own = items.filter((each) => (each["metadata"] as Json)["generateName"] === "rs-");
      return own.length > 0 ? own : undefined;
    });
    expect(annotationsOf(made as Json)[GRANT]).toBe("granted");
  });

  test("a service account that is not named is default, and its old name is the same", async () => {
    await namespace(api, "accounts", "engine");
    const subjects = [{ namespace: "accounts", serviceAccounts: ["engine"] }];
    await create(api, hookGrants, grant("accounts", "accounts", { subjects }));
    const tryAs = (more: Json): Promise<Json> => {
      const body = pod({ name: "by-account", ...asking });
      return create(api, pods, { ...body, spec: { ...specOf(body), ...more } }, { namespace: "accounts" });
    };
    await eventually("the grant", () => tryAs({ serviceAccount: "engine" }).catch(() => undefined), 5_000);
    for (const more of [
      {},
      { serviceAccountName: "default" },
      { serviceAccountName: "default", serviceAccount: "engine" },
    ]) {
      expect(await world.refused(tryAs(more))).toContain("service account accounts/default");
    }
  });

  test("a name that the server makes is no way in, and the line names the pod", async () => {
    const body = pod(asking);
    (body["metadata"] as Json)["name"] = undefined;
    (body["metadata"] as Json)["generateName"] = "made-";
    const line = await world.refused(create(api, pods, body, { namespace: "trading" }));
    expect(line).toMatch(/^pod trading\/made-[a-z0-9*]+: /);
  });

  test("a pod that names its node itself is judged all the same", async () => {
    const body = pod({ name: "placed", runtimeClassName: "wrapper" });
    const placed = { ...body, spec: { ...specOf(body), nodeName: "n1" } };
    expect(await world.refused(create(api, pods, placed, { namespace: "trading" }))).toContain(
      "is protected",
    );
  });
});

describe("a node's identity", () => {
  const mirror = async (name: string): Promise<Json> => {
    const { uid } = (await get(api, nodes, { name: "n1" }))["metadata"] as { uid: string };
    return mirrorOf(pod({ name, ...asking }), { name: "n1", uid });
  };

  beforeAll(async () => {
    for (const name of ["n1", "n2"]) await create(api, nodes, { metadata: { name } });
  });

  test("mirrors its own static pod untouched; nobody else can pretend to", async () => {
    const path = "/api/v1/namespaces/granted/pods";
    const own = await world.raw("create", path, await mirror("static-n1"), ...asNode("n1"));
    expect(own.stderr).toBe("");
    expect(annotationsOf(await get(api, pods, { namespace: "granted", name: "static-n1" }))).toMatchObject({
      [ASK]: "enabled",
    });
    expect((await world.raw("create", path, await mirror("other-n1"), ...asNode("n2"))).code).toBe(1);
    const inTrading = "/api/v1/namespaces/trading/pods";
    const byUser = await world.raw("create", inTrading, await mirror("user-n1"));
    expect(byUser.stderr).toContain("no HookGrant covers");
    const named = ["--as=system:node:n1", "--as-group=system:masters"];
    const byName = await world.raw("create", inTrading, await mirror("named-n1"), ...named);
    expect(byName.stderr).toContain("no HookGrant covers");
  });

  test("may not write a protected annotation, granted or not, and its status writes never arrive", async () => {
    const body = pod({ name: "bound" });
    await create(api, pods, { ...body, spec: { ...specOf(body), nodeName: "n1" } }, { namespace: "granted" });
    const path = "/api/v1/namespaces/granted/pods/bound/status";
    const write = async (annotations: Json): Promise<string> => {
      const bound = await get(api, pods, { namespace: "granted", name: "bound" });
      const metadata = { ...(bound["metadata"] as Json), annotations, resourceVersion: undefined };
      const status = { phase: "Running" };
      return (await world.raw("replace", path, { ...bound, metadata, status }, ...asNode("n1"))).stderr;
    };
    const before = await world.webhook.requests();
    expect(await write({ "example.com/a": "b" })).toBe("");
    expect(await world.webhook.requests()).toBe(before);
    expect(await write({ [ASK]: "enabled" })).toContain(
      "a node may not write what HookProfile cpu-isolation protects",
    );
  });
});

describe("the webhook's own pods", () => {
  const own = "schedgate-system";
  const account = "schedgate-webhook";
  const classed = { runtimeClassName: "wrapper" };
  const refused = (where: string, serviceAccountName: string, more: PodOptions): Promise<string> =>
    world.refused(world.createPod(where, { name: "own", serviceAccountName, ...more }));

  test("do not wait for themselves where somebody gives all pods a class", async () => {
    const before = await world.webhook.requests();
    const made = await world.createPod(own, { name: "own", serviceAccountName: account, ...classed });
    expect(annotationsOf(made)[GRANT]).toBeUndefined();
    expect(await world.webhook.requests()).toBe(before);
  });

  test("are no others of that service account's name", async () => {
    await namespace(api, "alike", account);
    expect(await refused("alike", account, classed)).toContain(
      `runtimeClassName wrapper (handler wrapper) is protected by HookProfile cpu-isolation, and no HookGrant covers service account alike/${account}`,
    );
  });

  test.each(["default", "schedgate-node-agent"])("are no others of their namespace: %s", async (other) => {
    expect(await refused(own, other, classed)).toContain(
      `no HookGrant covers service account ${own}/${other}`,
    );
  });

  test.each<[string, PodOptions]>([
    ["alone", asking],
    ["beside the class", { ...asking, ...classed }],
  ])("need a grant for a protected annotation, %s", async (_, more) => {
    expect(await refused(own, account, more)).toContain(`annotation ${ASK}=enabled`);
  });
});

describe("labels", () => {
  const labels = {
    "schedgate.dev/ignore": "true",
    "admissions.enforcer/disabled": "true",
    "admission.gatekeeper.sh/ignore": "true",
    "control-plane": "true",
    "kubernetes.io/metadata.name": "granted",
  };

  test("of a namespace, however they are written, let nothing through", async () => {
    await namespace(api, "labelled");
    const at = { name: "labelled" };
    for (const subresource of [undefined, "status"]) {
      const target = { ...at, ...(subresource !== undefined && { subresource }) };
      // The API server puts its own label back, whatever is written.
      await patch(api, kinds.namespaces, target, { body: { metadata: { labels } } }).catch(() => undefined);
      expect(await world.refused(world.createPod("labelled", asking))).toContain("is protected");
    }
    const live = await get(api, kinds.namespaces, at);
    Object.assign(live["metadata"] as Json, { labels, resourceVersion: undefined });
    await world.raw("replace", "/api/v1/namespaces/labelled/finalize", live);
    expect(await world.refused(world.createPod("labelled", asking))).toContain("is protected");
  });

  test("of a pod let nothing through", async () => {
    expect(await world.refused(world.createPod("trading", { ...asking, labels }))).toContain("is protected");
  });
});

describe("spelling", () => {
  test("another case is another key, which nobody reads", async () => {
    const before = await world.webhook.requests();
    const made = await world.createPod("granted", {
      annotations: { "SCHEDGATE.DEV/cpu-isolation": "enabled" },
    });
    expect(specOf(made)["runtimeClassName"]).toBeUndefined();
    expect(await world.webhook.requests()).toBe(before);
  });

  test.each(["ѕchedgate.dev/cpu-isolation", "schedgate.dev/cpu-isolation ", "schedgate.dev／cpu-isolation"])(
    "a key that only looks alike is none: %j",
    async (key) => {
      expect(
        (await refusalOf(world.createPod("granted", { annotations: { [key]: "enabled" } }))).status,
      ).toBe(422);
    },
  );

  test("an empty class is no way in: the API server makes no such pod", async () => {
    for (const where of ["trading", "granted"]) {
      const { status } = await refusalOf(world.createPod(where, { ...asking, runtimeClassName: "" }));
      expect([403, 422, 500]).toContain(status);
    }
  });
});

test("what another webhook adds after ours is judged, and is never given a grant in silence", async () => {
  const steps = [
    { op: "add", path: "/metadata/annotations", value: { "cpu-load-balancing.crio.io": "disable" } },
  ];
  const late = await startOtherWebhook(api, {
    kind: "mutating",
    rule: { resources: ["pods"], operations: ["CREATE"] },
    more: { objectSelector: { matchExpressions: [{ key: "late", operator: "Exists" }] } },
    answer: () => ({ patchType: "JSONPatch", patch: Buffer.from(JSON.stringify(steps)).toString("base64") }),
  });
  try {
    const make = (where: string): Promise<Json> =>
      world.createPod(where, { name: "late", labels: { late: "yes" } });
    expect(await world.refused(make("trading"))).toContain(
      "no HookGrant covers service account trading/default",
    );
    expect(await world.refused(make("granted"))).toContain(
      "another webhook added annotation cpu-load-balancing.crio.io after schedgate saw the pod",
    );
  } finally {
    await late.stop();
  }
});

test("nobody gets the class from us without a grant", async () => {
  const body = pod({ name: "wanting", ...asking });
  expect(await world.refused(create(api, pods, body, { namespace: "trading" }))).not.toContain(
    "runtimeClassName",
  );
});

test.each<[string[], boolean]>([
  [["get", "pods", "-A"], true],
  [["create", "pods", "-A"], false],
  [["patch", "pods", "-A"], false],
  [["create", "pods/exec", "-A"], false],
  [["get", "secrets", "-A"], false],
  [["list", "secrets", "-n", "schedgate-system"], false],
  [["get", "secrets/schedgate-webhook-ca", "-n", "schedgate-system"], true],
  [["get", "secrets/another", "-n", "schedgate-system"], false],
  [["update", "secrets/another", "-n", "schedgate-system"], false],
  [["create", "hookgrants.schedgate.dev"], false],
  [["update", "hookprofiles.schedgate.dev"], false],
  [["create", "runtimeclasses.node.k8s.io"], false],
  [["delete", "validatingwebhookconfigurations/schedgate"], false],
  [["update", "mutatingwebhookconfigurations/another"], false],
  [["update", "clusterroles"], false],
  [["impersonate", "users"], false],
])("the webhook's own rights: %j is %s", async (args, allowed) => {
  const as = "--as=system:serviceaccount:schedgate-system:schedgate-webhook";
  const { stdout } = await world.cluster.lab.kubectl(["auth", "can-i", ...args, as]);
  expect(stdout.trim().split("\n").at(-1)).toBe(allowed ? "yes" : "no");
});
