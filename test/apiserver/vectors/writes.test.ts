import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { pathOf, resources } from "../../../common/kube/paths.ts";
import type { KubeApi } from "../../../common/kube/port.ts";
import { create, eventually, get, kinds, namespace, patch, refusalOf, remove } from "../cluster.ts";
import type { Json } from "../cluster.ts";
import { annotationsOf, ASK, GRANT, grant, numbered, pod, profile, specOf } from "../objects.ts";
import { apply, read, WRITES } from "../podwrites.ts";
import { startOtherWebhook } from "./otherwebhook.ts";
import { openWorld } from "./world.ts";
import type { World } from "./world.ts";

const { pods, hookGrants, hookProfiles, runtimeClasses } = resources;

jest.setTimeout(30_000);

let world: World;
let api: KubeApi;

beforeAll(async () => {
  world = await openWorld("writes");
  ({ api } = world);
}, 600_000);

afterAll(() => world.stop(), 60_000);

const at = (where: string, subresource?: string) => ({
  namespace: where,
  name: "engine-0",
  ...(subresource !== undefined && { subresource }),
});

/** Puts one ephemeral container into a pod; what kubectl prints. */
async function debug(where: string, query = ""): Promise<{ code: number; stderr: string }> {
  const body = await read(api, at(where));
  const container = {
    name: "debug",
    image: "x",
    terminationMessagePolicy: "File",
    imagePullPolicy: "Always",
  };
  specOf(body)["ephemeralContainers"] = [container];
  const path = `${pathOf(pods, at(where, "ephemeralcontainers"))}${query}`;
  const { code, stderr } = await world.raw("replace", path, body);
  return { code, stderr };
}

describe.each(WRITES)("a running pod can't get a protected annotation without a grant: %s", (_, write) => {
  test.each([[undefined], ["status"]])("of the pod, subresource %s", async (subresource) => {
    await world.createPod("trading", { annotations: { a: "b" } });
    const annotate = (where: string, annotations: Record<string, string>): Promise<Json> =>
      write(api, at(where, subresource), { annotations });
    for (const key of [ASK, "cpu-load-balancing.crio.io", "cpu-isolation.schedgate.dev/main"]) {
      expect(await world.refused(annotate("trading", { [key]: "enabled" }))).toContain("is protected");
    }
    expect(await world.refused(annotate("trading", { [GRANT]: "granted" }))).toContain(
      "is written by schedgate alone",
    );
    await annotate("trading", { a: "c" });
    await world.createPod("granted", { annotations: { a: "b" } });
    expect(annotationsOf(await annotate("granted", { [ASK]: "enabled" }))[GRANT]).toBe("granted");
  });
});

function binding(annotations?: Record<string, string>, more: Json = {}): Json {
  return {
    apiVersion: "v1",
    kind: "Binding",
    metadata: { name: "engine-0", ...(annotations && { annotations }), ...more },
    target: { apiVersion: "v1", kind: "Node", name: "no-such-node" },
  };
}

describe.each<[string, (where: string, body: Json) => Promise<Json>]>([
  ["pods/binding", (where, body) => create(api, pods, body, at(where, "binding"))],
  ["bindings", (where, body) => create(api, kinds.bindings, body, { namespace: where })],
])("a Binding by way of %s", (_, bind) => {
  test("can't bring a protected annotation onto a pod without a grant", async () => {
    await world.createPod("trading");
    expect(await world.refused(bind("trading", binding({ [ASK]: "enabled" })))).toContain(
      "pod trading/engine-0: annotation schedgate.dev/cpu-isolation=enabled is protected",
    );
    expect(await world.refused(bind("trading", binding({ [GRANT]: "granted" })))).toContain(
      "by schedgate alone",
    );
    expect(annotationsOf(await get(api, pods, at("trading")))).toEqual({});
  });

  test("of a granted pod is allowed, and the grant is noted on the pod", async () => {
    await world.createPod("granted");
    await bind("granted", binding({ [ASK]: "enabled", "example.com/a": "b" }));
    const bound = await get(api, pods, at("granted"));
    expect(annotationsOf(bound)).toEqual({ [ASK]: "enabled", "example.com/a": "b", [GRANT]: "granted" });
    expect(specOf(bound)["nodeName"]).toBe("no-such-node");
  });

  test("of an ordinary pod, as a scheduler makes it, never arrives", async () => {
    for (const annotations of [undefined, { "example.com/a": "b" }]) {
      await world.createPod("trading");
      const before = await world.webhook.requests();
      await bind("trading", binding(annotations));
      expect(await world.webhook.requests()).toBe(before);
    }
  });
});

test("a Binding can't bring an annotation onto another pod of that name than the one that was judged", async () => {
  await world.createPod("granted");
  const body = binding({ [ASK]: "enabled" }, { uid: "of-another-pod" });
  expect(await world.refused(create(api, pods, body, at("granted", "binding")))).toContain(
    "must name the pod's uid",
  );
});

test("a Binding can't bring an annotation onto a pod that takes the judged one's place meanwhile", async () => {
  const subjects = [{ namespace: "replaced", serviceAccounts: ["engine"] }];
  await namespace(api, "replaced", "engine");
  await create(api, hookGrants, grant("replaced", "replaced", { subjects }));
  const granted = { serviceAccountName: "engine", annotations: { [ASK]: "enabled" } };
  await eventually("the grant", () => world.createPod("replaced", granted).catch(() => undefined));
  await world.createPod("replaced", { serviceAccountName: "engine" });
  const allowed = (): Promise<number> =>
    world.webhook.metric(
      'schedgate_admission_requests_total{webhook="validate",operation="CREATE",decision="allowed"}',
    );
  const before = await allowed();
  // It is asked at the same time as our validating webhook, and answers after that has allowed.
  const slow = await startOtherWebhook(api, {
    kind: "validating",
    rule: { resources: ["pods/binding"], operations: ["CREATE"] },
    answer: async () => {
      await eventually("our answer", async () => ((await allowed()) > before ? true : undefined));
      await world.createPod("replaced");
      return {};
    },
  });
  try {
    const bind = create(api, pods, binding({ [ASK]: "enabled" }), at("replaced", "binding"));
    const { status, message } = await refusalOf(bind);
    expect({ status, message }).toEqual({
      status: 409,
      message: expect.stringContaining("UID in precondition"),
    });
    expect(annotationsOf(await get(api, pods, at("replaced")))).toEqual({});
  } finally {
    await slow.stop();
  }
});

describe("an apply that makes the pod", () => {
  const make = (where: string, name: string): Promise<Json> => {
    const body = { apiVersion: "v1", kind: "Pod", ...pod({ name, annotations: { [ASK]: "enabled" } }) };
    const path = pathOf(pods, { namespace: where, name });
    const query = { fieldManager: "test" };
    return api.request({ method: "PATCH", path, body, patch: "apply", query }) as Promise<Json>;
  };

  test("is judged like any create", async () => {
    expect(await world.refused(make("trading", "applied"))).toContain("is protected");
    const made = await make("granted", "applied");
    expect(annotationsOf(made)[GRANT]).toBe("granted");
    expect(specOf(made)["runtimeClassName"]).toBe("wrapper");
  });
});

describe("the API server itself takes no annotation", () => {
  test.each(["ephemeralcontainers", "resize"])("by way of pods/%s", async (subresource) => {
    await world.createPod("trading");
    const body = await read(api, at("trading"));
    Object.assign(body["metadata"] as Json, { annotations: { [ASK]: "enabled", [GRANT]: "granted" } });
    const path = pathOf(pods, at("trading", subresource));
    await api.request({ method: "PUT", path, body }).catch(() => undefined);
    const annotated = { body: { metadata: { annotations: { [ASK]: "enabled" } } } };
    await patch(api, pods, at("trading", subresource), annotated).catch(() => undefined);
    expect(annotationsOf(await get(api, pods, at("trading")))).toEqual({});
  });
});

describe("names that a program could stumble over", () => {
  const name = "constructor";

  test("are names like any other, of namespaces, grants, classes and containers", async () => {
    await namespace(api, name);
    await namespace(api, "valueof", name);
    const asks = { annotations: { [ASK]: "enabled" } };
    const one = { [name]: { cpu: "1", memory: "8Mi" } };
    await create(api, runtimeClasses, { metadata: { name }, handler: "wrapper" });
    for (const options of [asks, { runtimeClassName: name }])
      expect(await world.refused(world.createPod(name, options))).toContain("is protected");
    const subjects = [{ namespace: "valueof", serviceAccounts: [name] }];
    await create(api, hookGrants, grant(name, "valueof", { subjects }));
    const options = {
      serviceAccountName: name,
      containers: one,
      annotations: { [`cpu-isolation.schedgate.dev/${name}`]: "enabled" },
    };
    const made = await eventually("the grant", () =>
      world.createPod("valueof", options).catch(() => undefined),
    );
    expect(annotationsOf(made)[GRANT]).toBe(name);
    expect(await world.refused(world.createPod(name, asks))).toContain(`service account ${name}/default`);
    expect(await world.refused(world.createPod("valueof", asks))).toContain("no HookGrant covers");
    const missing = { ...asks, annotations: { "cpu-isolation.schedgate.dev/tostring": "enabled" } };
    expect(await world.refused(world.createPod("granted", missing))).toContain("does not have");
  });
});

describe("keys that a program could stumble over", () => {
  const keys = [
    "constructor",
    "toString",
    "hasOwnProperty",
    "a.example/constructor",
    "x-a~b/c",
    "x-~0~1/y",
    "__proto__",
  ];

  beforeAll(async () => {
    const annotations = ["constructor", "toString", "hasOwnProperty", "*/constructor", "x-*/*", "__proto__"];
    await create(api, hookProfiles, profile("odd", { protects: { annotations } }));
    await create(api, hookGrants, grant("odd", "granted", { profileName: "odd" }));
    await eventually("the profile and its grant", async () => {
      const made = await world.createPod("granted", { annotations: { constructor: "x" } });
      return annotationsOf(made)[GRANT] === "odd" ? true : undefined;
    });
  });

  afterAll(async () => {
    await remove(api, hookProfiles, { name: "odd" });
  });

  test.each(keys)(
    "are judged like any other in a Binding, whose keys the API server does not check: %s",
    async (key) => {
      // Not a literal: `__proto__` in one is no key.
      const annotations = Object.fromEntries([[key, "x"]]);
      await world.createPod("trading");
      const line = await world.refused(create(api, pods, binding(annotations), at("trading", "binding")));
      expect(line).toContain(`annotation ${key} is protected by HookProfile odd`);
      await world.createPod("granted");
      await create(api, pods, binding(annotations), at("granted", "binding"));
      expect(Object.entries(annotationsOf(await get(api, pods, at("granted"))))).toEqual(
        expect.arrayContaining([
          [key, "x"],
          [GRANT, "odd"],
        ]),
      );
    },
  );

  test.each(keys)("are judged or refused by the API server itself on a pod: %s", async (key) => {
    const error = await refusalOf(
      world.createPod("trading", { annotations: Object.fromEntries([[key, "x"]]) }),
    );
    expect([403, 422]).toContain(error.status);
  });
});

describe("many and large annotations", () => {
  const many = (count: number, length: number): Record<string, string> =>
    Object.fromEntries(
      Array.from({ length: count }, (_, i) => [`example.com/${String(i)}`, "v".repeat(length)]),
    );

  /** These, and one more that makes the API server's bound. */
  const filledUp = (annotations: Record<string, string>): Record<string, string> => {
    const key = "example.com/filled";
    const size = [key, ...Object.entries(annotations).flat()].join("").length;
    return { ...annotations, [key]: "v".repeat(256 * 1024 - size) };
  };

  test.each([
    ["the last of 1,000", { ...many(1000, 1), "zz.example/last": "x", [ASK]: "enabled" }],
    ["beside 250 KiB of others", { ...many(10, 25_500), [ASK]: "enabled" }],
    ["with which it is all that the API server takes, 256 KiB", filledUp({ [ASK]: "enabled" })],
    [
      "among 1,000 protected ones",
      Object.fromEntries(
        Array.from({ length: 1000 }, (_, i) => [`cpu-load-balancing.crio.io/${String(i)}`, ""]),
      ),
    ],
  ])("hide no protected one: %s", async (_, annotations) => {
    const started = Date.now();
    expect(await world.refused(world.createPod("trading", { annotations }))).toContain(
      "protected by HookProfile",
    );
    expect(Date.now() - started).toBeLessThan(3_000);
  });

  test("are allowed with a grant, and 1,000 ordinary ones never arrive", async () => {
    const made = await world.createPod("granted", { annotations: { ...many(999, 1), [ASK]: "enabled" } });
    expect(annotationsOf(made)[GRANT]).toBe("granted");
    const before = await world.webhook.requests();
    await world.createPod("trading", { annotations: many(1000, 1) });
    await world.createPod("trading", { annotations: many(10, 26_000) });
    expect(await world.webhook.requests()).toBe(before);
  });

  test("too many for the API server's own look at each, 40,000, are judged by the webhook", async () => {
    const annotations = numbered(40_000);
    const asking = { annotations: { ...annotations, [ASK]: "enabled" } };
    expect(await world.refused(world.createPod("trading", asking))).toContain("protected by HookProfile");
    expect(annotationsOf(await world.createPod("granted", asking))[GRANT]).toBe("granted");
    await world.createPod("trading", { annotations });
    const changed = (metadata: Json): Promise<Json> =>
      patch(api, pods, at("trading"), { body: { metadata } });
    expect(await world.refused(changed({ annotations: { [ASK]: "enabled" } }))).toContain("is protected");
    const before = await world.webhook.requests();
    await changed({ labels: { a: "b" } });
    expect(await world.webhook.requests()).toBe(before);
  });
});

describe("a pod whose grant is gone", () => {
  const where = "gone";
  const status = async (body: Json): Promise<Json> =>
    patch(api, pods, at(where, "resize"), {
      as: "strategic",
      body: { spec: { containers: [{ name: "main", resources: body }] } },
    });
  const cpus = (cpu: string): Json => ({ limits: { cpu }, requests: { cpu } });

  beforeAll(async () => {
    await namespace(api, where);
    await create(api, hookGrants, grant(where, where));
    await world.inForce(where);
    await world.createPod(where, { annotations: { [ASK]: "enabled" } });
    await status(cpus("3"));
    await remove(api, hookGrants, { name: where });
    await eventually("the grant to be gone", async () =>
      world
        .refused(
          create(api, pods, pod({ name: "other", annotations: { [ASK]: "enabled" } }), { namespace: where }),
        )
        .catch(() => undefined),
    );
  });

  test("stays as it is, and gets no more CPUs", async () => {
    expect(await world.refused(status(cpus("4")))).toContain(
      "no HookGrant covers service account gone/default",
    );
    expect(specOf(await get(api, pods, at(where)))).toMatchObject({
      containers: [{ resources: { limits: { cpu: "3" } } }],
    });
  });

  test("can be debugged with a warning", async () => {
    // A warning that does not come in 2 s is left out by the API server.
    await eventually("the warning", async () => {
      const { stderr } = await debug(where, "?dryRun=All");
      return stderr.includes("no HookGrant covers service account gone/default") ? true : undefined;
    });
    expect((await debug(where)).code).toBe(0);
  });

  test("of an ordinary pod, resize and debugging never arrive", async () => {
    await world.createPod("trading");
    const before = await world.webhook.requests();
    const body = { spec: { containers: [{ name: "main", resources: cpus("3") }] } };
    await patch(api, pods, at("trading", "resize"), { as: "strategic", body });
    expect(await debug("trading")).toEqual({ code: 0, stderr: "" });
    expect(await world.webhook.requests()).toBe(before);
  });
});

// The last ones here: they end the webhook.
describe("a granted pod, while the webhook is down,", () => {
  const carried = {
    annotations: { [ASK]: "enabled", "example.com/a": "b" },
    labels: { app: "engine" },
    finalizers: ["example.com/wait"],
  };
  const granted = { ...carried.annotations, [GRANT]: "granted" };
  const stopped = { "example.com/a": "b", [GRANT]: "granted" };
  const each = WRITES.map(([form, write], i) => ({ form, write, name: `left-${i}` }));
  const place = (name: string) => ({ namespace: "granted", name });

  beforeAll(async () => {
    for (const { name } of each) {
      await world.createPod("granted", { name, runtimeClassName: "wrapper" });
      // So that all of it is the apply's own, and a later one can take it away.
      expect(annotationsOf(await apply(api, place(name), carried))).toEqual(granted);
    }
    await world.webhook.stop();
  });

  test.each(each)("gets nothing more that is protected: $form", async ({ write, name }) => {
    const annotations = { ...granted, "cpu-load-balancing.crio.io": "disable" };
    const error = await refusalOf(write(api, place(name), { ...carried, annotations }));
    expect(error).toMatchObject({
      status: 500,
      message: expect.stringContaining("failed calling webhook"),
    });
  });

  test.each(each)("gets labels and conditions by way of its status: $form", async ({ write, name }) => {
    const condition = { type: "example.com/seen", status: "True" };
    const seen = { labels: { ...carried.labels, seen: "yes" }, conditions: [condition] };
    const { metadata, status } = await write(api, { ...place(name), subresource: "status" }, seen);
    expect(metadata).toMatchObject({ labels: seen.labels, annotations: granted });
    const conditions: unknown = expect.arrayContaining([expect.objectContaining(condition)]);
    expect(status).toMatchObject({ conditions });
  });

  test.each(each)("is labelled, stops asking, and ends: $form", async ({ write, name }) => {
    const at = place(name);
    const labels = { app: "other" };
    const labelled = await write(api, at, { ...carried, annotations: granted, labels });
    expect(labelled["metadata"]).toMatchObject({ labels, annotations: granted });
    expect(annotationsOf(await write(api, at, { ...carried, annotations: stopped }))).toEqual(stopped);
    await remove(api, pods, at);
    await write(api, at, { ...carried, annotations: stopped, finalizers: [] });
    expect((await refusalOf(get(api, pods, at))).status).toBe(404);
  });
});
