import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { pathOf, resources } from "../../../common/kube/paths.ts";
import type { KubeApi } from "../../../common/kube/port.ts";
import type { Output } from "../../lab/exec.ts";
import { create, eventually, get, kinds, must, patch, refusalOf, remove } from "../cluster.ts";
import type { Json } from "../cluster.ts";
import { ASK, pod, profile, specOf } from "../objects.ts";
import { openWorld } from "./world.ts";
import type { World } from "./world.ts";

const { pods, hookProfiles, runtimeClasses } = resources;

jest.setTimeout(30_000);

let world: World;
let api: KubeApi;

beforeAll(async () => {
  world = await openWorld("classes");
  ({ api } = world);
}, 600_000);

afterAll(() => world.stop(), 60_000);

const makeClass = (name: string, handler: string): Promise<Json> =>
  create(api, runtimeClasses, { metadata: { name }, handler });
const withClass = (runtimeClassName: string): Promise<Json> =>
  world.createPod("trading", { name: "classed", runtimeClassName });

/** Waits until who asks so in a dry run is told this: where the webhook is late (2 s), what it only advises is passed over. */
async function expectTold(line: string, dryRun: () => Promise<Output>): Promise<void> {
  let told = "";
  await eventually("the warning", async () => {
    told = (await dryRun()).stderr;
    return told.includes(line) || undefined;
  }).catch(() => undefined);
  expect(told).toContain(line);
}

describe("the handler counts, not the name of a RuntimeClass", () => {
  test("an alias made one moment before is no way in", async () => {
    for (const i of [1, 2, 3, 4, 5]) {
      await makeClass(`alias-${String(i)}`, "wrapper");
      expect(await world.refused(withClass(`alias-${String(i)}`))).toContain(
        "(handler wrapper) is protected",
      );
    }
  });

  test("one that is deleted and made again with another handler is judged by what it is now", async () => {
    for (let i = 0; i < 3; i += 1) {
      await makeClass("shifting", "harmless");
      await withClass("shifting");
      await remove(api, runtimeClasses, { name: "shifting" });
      await makeClass("shifting", "wrapper");
      expect(await world.refused(withClass("shifting"))).toContain("(handler wrapper) is protected");
      await remove(api, runtimeClasses, { name: "shifting" });
    }
  });

  test("one that is made again with the handler of another profile needs a grant of that one", async () => {
    await create(api, hookProfiles, profile("second", { protects: { runtimeHandlers: ["second"] } }));
    const granted = (): Promise<Json> => world.createPod("granted", { runtimeClassName: "moving" });
    await makeClass("moving", "second");
    await eventually("the profile", () => world.refused(granted()).catch(() => undefined));
    for (let i = 0; i < 5; i += 1) {
      await remove(api, runtimeClasses, { name: "moving" });
      await makeClass("moving", "wrapper");
      await granted();
      await remove(api, runtimeClasses, { name: "moving" });
      await makeClass("moving", "second");
      expect(await world.refused(granted())).toContain("(handler second) is protected by HookProfile second");
    }
    await remove(api, hookProfiles, { name: "second" });
    await remove(api, runtimeClasses, { name: "moving" });
  });

  test("one that is not there is refused", async () => {
    expect((await refusalOf(withClass("no-such-class"))).status).toBe(403);
  });

  test("while the webhook can't look it up, no pod with a class is let through", async () => {
    await makeClass("harmless", "harmless");
    await withClass("harmless");
    const role = { group: "rbac.authorization.k8s.io", version: "v1", resource: "clusterroles" };
    const at = { name: "schedgate-webhook" };
    const { rules } = (await get(api, role, at)) as { rules: { resources?: string[]; verbs: string[] }[] };
    const without = rules.map((each) =>
      each.resources?.includes("runtimeclasses") === true ? { ...each, verbs: ["list", "watch"] } : each,
    );
    await patch(api, role, at, { body: { rules: without } });
    try {
      const error = await eventually("the right to be gone", async () =>
        refusalOf(withClass("harmless")).catch(() => undefined),
      );
      expect(error).toMatchObject({
        status: 503,
        message: expect.stringContaining("schedgate could not judge this"),
      });
    } finally {
      await patch(api, role, at, { body: { rules } });
    }
    await eventually("the right to be back", () => withClass("harmless").catch(() => undefined));
  });

  test("who makes such a class is told, and may", async () => {
    const manifest = (name: string, handler: string): string =>
      JSON.stringify({ apiVersion: "node.k8s.io/v1", kind: "RuntimeClass", metadata: { name }, handler });
    const make = (body: string, ...how: string[]): Promise<Output> =>
      world.cluster.lab.kubectl(["create", ...how, "-f", "-"], body);
    await expectTold(
      "Warning: RuntimeClass told: its handler wrapper is protected by HookProfile cpu-isolation: pods that name this class need a HookGrant",
      () => make(manifest("told", "wrapper"), "--dry-run=server"),
    );
    expect((await make(manifest("told", "wrapper"))).code).toBe(0);
    const before = await world.webhook.requests();
    expect((await make(manifest("untold", "plain"))).stderr).toBe("");
    expect(await world.webhook.requests()).toBe(before);
  });
});

describe("a profile", () => {
  test("that can't be a glob is refused by the API server, and a slow one slows nobody", async () => {
    for (const bad of ["[", "a\\", "[]a]", "(a+)+$["]) {
      const error = await refusalOf(
        create(api, hookProfiles, profile("bad", { protects: { annotations: [bad] } })),
      );
      expect(error.status).toBe(422);
    }
    const globs = Array.from({ length: 20 }, (_, i) => `${"*a".repeat(25)}${String(i)}`);
    await create(
      api,
      hookProfiles,
      profile("slow", { protects: { annotations: [...globs, "slow.example/x"] } }),
    );
    await eventually("the profile", async () =>
      world
        .refused(world.createPod("trading", { annotations: { "slow.example/x": "" } }))
        .catch(() => undefined),
    );
    const keys = Array.from({ length: 50 }, (_, i) => [`${"a".repeat(60)}${String(i)}b`, ""]);
    const annotations = { ...(Object.fromEntries(keys) as Record<string, string>), [ASK]: "enabled" };
    // In time, that is: after 5 s the API server would say itself that it heard nothing.
    expect(await world.refused(world.createPod("trading", { annotations }))).toContain("is protected");
    await remove(api, hookProfiles, { name: "slow" });
  });

  test("leaves pods alone that were there before, and lets them gain nothing", async () => {
    const key = "before.example/x";
    const at = { namespace: "trading", name: "engine-0" };
    await world.createPod("trading", { annotations: { [key]: "1" }, finalizers: ["example.com/wait"] });
    await create(api, hookProfiles, profile("after", { protects: { annotations: ["before.example/*"] } }));
    const write = (metadata: Json): Promise<Json> => patch(api, pods, at, { body: { metadata } });
    let value = 1;
    const refusal = await eventually("the profile", async () => {
      value += 1;
      return world.refused(write({ annotations: { [key]: String(value) } })).catch(() => undefined);
    });
    expect(refusal).toContain(`annotation ${key} is protected by HookProfile after`);
    expect(await world.refused(write({ annotations: { "before.example/y": "1" } }))).toContain(
      "annotation before.example/y is protected by HookProfile after",
    );
    await write({ labels: { a: "b" } });
    await write({ annotations: { other: "x" } });
    await write({ annotations: { [key]: null } });
    await remove(api, pods, at);
    await write({ finalizers: null });
    await remove(api, hookProfiles, { name: "after" });
  });
});

const template = {
  metadata: { labels: { app: "w" }, annotations: { [ASK]: "enabled" } },
  spec: specOf(pod()),
};
const selector = { matchLabels: { app: "w" } };
const job = { ...template, spec: { ...template.spec, restartPolicy: "Never" } };
const bare = <T extends { metadata: object }>(of: T): T => ({ ...of, metadata: { labels: { app: "w" } } });
type Template = typeof template;
const WORKLOADS: [string, Parameters<typeof pathOf>[0], (of: Template, jobOf: Template) => Json][] = [
  ["apps/v1 Deployment", kinds.deployments, (of) => ({ replicas: 0, selector, template: of })],
  ["apps/v1 ReplicaSet", kinds.replicaSets, (of) => ({ replicas: 0, selector, template: of })],
  [
    "apps/v1 StatefulSet",
    kinds.statefulSets,
    (of) => ({ replicas: 0, serviceName: "x", selector, template: of }),
  ],
  ["apps/v1 DaemonSet", kinds.daemonSets, (of) => ({ selector, template: of })],
  [
    "v1 ReplicationController",
    kinds.replicationControllers,
    (of) => ({ replicas: 0, selector: { app: "w" }, template: of }),
  ],
  ["batch/v1 Job", kinds.jobs, (_, jobOf) => ({ suspend: true, template: jobOf })],
  [
    "batch/v1 CronJob",
    kinds.cronJobs,
    (_, jobOf) => ({ suspend: true, schedule: "0 0 1 1 *", jobTemplate: { spec: { template: jobOf } } }),
  ],
];

describe.each(WORKLOADS)("%s", (type, resource, specWith) => {
  const [apiVersion = "", kind = ""] = type.split(" ");
  const path = pathOf(resource, { namespace: "trading" });

  test("with an ungranted template is made, with the line that its pods would get", async () => {
    const body = {
      apiVersion,
      kind,
      metadata: { name: "engine" },
      spec: specWith(template, job),
    };
    await expectTold(
      `Warning: ${kind} trading/engine: its pods will be refused: pod trading/engine-*: annotation ${ASK}=enabled is protected`,
      () => world.raw("create", `${path}?dryRun=All`, body),
    );
    expect((await world.raw("create", path, body)).code).toBe(0);
  });

  test("that is ordinary never arrives, and one that is not arrives only when its template is new", async () => {
    const plain = {
      apiVersion,
      kind,
      metadata: { name: "plain" },
      spec: specWith(bare(template), bare(job)),
    };
    const before = await world.webhook.requests();
    expect((await world.raw("create", path, plain)).stderr).toBe("");
    const labels = { metadata: { labels: { a: "b" } } };
    for (const name of ["plain", "engine"])
      await patch(api, resource, { namespace: "trading", name }, { body: labels });
    expect(await world.webhook.requests()).toBe(before);
  });
});

test("workloads and RuntimeClasses are written while the webhook is down", async () => {
  const down = await must(world.cluster.lab, [
    "get",
    "validatingwebhookconfiguration",
    "schedgate",
    "-o",
    "json",
  ]);
  const { webhooks } = JSON.parse(down) as { webhooks: { name: string; failurePolicy: string }[] };
  const open = webhooks
    .filter((each) => each.failurePolicy === "Ignore")
    .map((each) => each.name.split(".")[0]);
  expect(open).toEqual(["debug", "workloads", "cronjobs", "classes"]);
  await world.webhook.stop();
  await makeClass("made-while-down", "wrapper");
  const body = { metadata: { name: "while-down" }, spec: { replicas: 0, selector, template } };
  await create(api, kinds.deployments, body, { namespace: "trading" });
  expect((await refusalOf(world.createPod("trading", { annotations: { [ASK]: "enabled" } }))).status).toBe(
    500,
  );
});
