import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { pathOf, resources } from "../../common/kube/paths.ts";
import { KubeApiError } from "../../common/kube/port.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import { create, eventually, get, kinds, must, namespace, patch, refusalOf, remove } from "./cluster.ts";
import { startCluster, tryPod } from "./cluster.ts";
import type { Cluster, Json } from "./cluster.ts";
import { annotationsOf, asNode, ASK, grant, mirrorOf, numbered, pod, profile } from "./objects.ts";
import type { PodOptions } from "./objects.ts";
import { apply, WRITES } from "./podwrites.ts";
import { startWebhook } from "./webhook.ts";
import type { Webhook } from "./webhook.ts";

const { configMaps, hookGrants, hookProfiles, nodes, pods, runtimeClasses } = resources;
const { mutatingWebhooks, validatingWebhooks } = resources;
const backstop = join(import.meta.dirname, "../../manifests/optional/backstop");
const parametersAt = { namespace: "schedgate-system", name: "schedgate-backstop" };
const asking = { annotations: { [ASK]: "enabled" } };
const BY_BACKSTOP = "ValidatingAdmissionPolicy 'schedgate-backstop'";
const webhookAccount = "schedgate-webhook";
/** A pod of its own for each way to write it. */
const formerly = WRITES.map(([form, write], i) => ({ form, write, name: `left-${i}` }));

jest.setTimeout(60_000);

let cluster: Cluster;
let api: KubeApi;
let webhook: Webhook;

beforeAll(async () => {
  cluster = await startCluster("backstop");
  ({ api } = cluster);
  webhook = await startWebhook(cluster);
  await webhook.ready();
  await namespace(api, "trading", "engine", "other");
  await namespace(api, "granted");
  await create(api, hookGrants, grant("granted", "granted"));
  const subjects = [{ namespace: "trading", serviceAccounts: ["engine"] }];
  await create(api, hookGrants, grant("engine", "trading", { subjects }));
  await create(api, runtimeClasses, { metadata: { name: "plain" }, handler: "runc" });
  await create(api, pods, pod({ name: "many", annotations: numbered(2_001) }), { namespace: "trading" });
  await must(cluster.lab, ["apply", "-k", backstop]);
  await eventually("the parameters", async () => {
    const { data } = await get(api, configMaps, parametersAt);
    return (data as Json | undefined)?.["ns.granted"];
  });
  // The API server looks for new policies once a second.
  await becomes(false, "trading", asking);
}, 600_000);

afterAll(async () => {
  await webhook.stop();
  await cluster.stop();
}, 60_000);

/** See `tryPod`; by what the pod is to be. */
function tryMade(where: string, options: PodOptions = {}): Promise<Json> {
  return tryPod(api, where, pod(options));
}

const running = (where: string) => ({ namespace: where, name: "running" });

/** A pod that is there, in place of the last one; where it is. */
async function runs(where: string, options: PodOptions = {}): Promise<ReturnType<typeof running>> {
  await remove(api, pods, running(where));
  await create(api, pods, pod({ ...options, name: running(where).name }), { namespace: where });
  return running(where);
}

async function line(call: Promise<unknown>): Promise<string> {
  const { status, reason, message } = await refusalOf(call);
  expect({ status, reason, message }).toMatchObject({ status: 403, reason: "Forbidden" });
  expect(message).toContain(BY_BACKSTOP);
  return message.replace(/^.*denied request: /, "");
}

/** Waits until the API server admits such a pod, or the backstop no longer does: 5 s are promised. */
async function becomes(admitted: boolean, where: string, options: PodOptions): Promise<void> {
  await eventually(
    `a pod to be ${admitted ? "admitted" : "refused"} in ${where}`,
    async () => {
      try {
        await tryMade(where, options);
        return admitted ? true : undefined;
      } catch (error) {
        if (!(error instanceof KubeApiError) || error.status !== 403) throw error;
        // The webhook refuses too, and may be first.
        return !admitted && error.message.includes(BY_BACKSTOP) ? true : undefined;
      }
    },
    5_000,
  );
}

/** Waits until the webhook says so of the parameters: it knows what it wrote only when it has the answer. */
async function expectCurrent(current: number): Promise<void> {
  await eventually(`schedgate_backstop_current ${String(current)}`, async () =>
    (await webhook.metric("schedgate_backstop_current ")) === current ? true : undefined,
  );
}

/** Ends the webhook, so that nothing is put back, and removes its configurations. */
async function removeGate(): Promise<void> {
  await webhook.stop("SIGTERM");
  for (const each of [mutatingWebhooks, validatingWebhooks]) await remove(api, each, { name: "schedgate" });
}

describe("beside the webhook, the backstop", () => {
  test("refuses nothing that the webhook admits", async () => {
    for (const options of [
      {},
      { runtimeClassName: "plain" },
      { annotations: { [ASK]: "disabled" } },
      { annotations: { "example.com/a": "b", "schedgate.dev/other": "x" } },
    ])
      await expect(tryMade("trading", options)).resolves.toBeDefined();
    await expect(tryMade("granted", asking)).resolves.toBeDefined();
    await expect(tryMade("granted", { runtimeClassName: "wrapper" })).resolves.toBeDefined();
    await expect(tryMade("trading", { ...asking, serviceAccountName: "engine" })).resolves.toBeDefined();
  });

  test("refuses what it cannot look through in time, and leaves such a pod alone otherwise", async () => {
    await tryMade("trading", { annotations: numbered(2_000) });
    expect(await line(tryMade("granted", { annotations: numbered(2_001) }))).toBe(
      "pod granted/engine-0: more than 2,000 annotations, too many for the backstop to look through",
    );
    const changed = (metadata: Json): Promise<Json> =>
      patch(api, pods, { namespace: "trading", name: "many" }, { body: { metadata } });
    await changed({ labels: { a: "b" } });
    expect(await line(changed({ annotations: { k0: "x" } }))).toContain("more than 2,000 annotations");
  });

  test("follows grants, classes, profiles and enforcement within 5 s", async () => {
    await create(api, hookGrants, grant("later", "trading"));
    await becomes(true, "trading", asking);
    await remove(api, hookGrants, { name: "later" });
    await becomes(false, "trading", asking);

    await create(api, runtimeClasses, { metadata: { name: "late" }, handler: "runc" });
    await becomes(true, "trading", { runtimeClassName: "late" });
    await remove(api, runtimeClasses, { name: "late" });
    await create(api, runtimeClasses, { metadata: { name: "late" }, handler: "wrapper" });
    await becomes(false, "trading", { runtimeClassName: "late" });

    const vendor = { annotations: { "vendor.example/pin-1": "x" } };
    await create(
      api,
      hookProfiles,
      profile("vendor", { protects: { annotations: ["vendor.example/pin-*"] } }),
    );
    await becomes(false, "trading", vendor);
    await expect(tryMade("trading", { annotations: { "vendor.example/other": "x" } })).resolves.toBeDefined();
    await patch(api, hookProfiles, { name: "vendor" }, { body: { spec: { enforcement: "Warn" } } });
    await becomes(true, "trading", vendor);
    await remove(api, hookProfiles, { name: "vendor" });
  });

  test.each(WRITES)(
    "leaves an ordinary pod alone whose annotations stay as they are: %s",
    async (_, write) => {
      const kept = { annotations: { "example.com/a": "b" }, labels: { a: "b" } };
      const finalizers = ["example.com/wait"];
      const at = await runs("trading", { annotations: kept.annotations });
      expect((await write(api, at, { ...kept, finalizers }))["metadata"]).toMatchObject({
        ...kept,
        finalizers,
      });
      const freed = await write(api, at, { ...kept, finalizers: [] });
      expect(freed["metadata"]).not.toHaveProperty("finalizers");
    },
  );

  test("is put right when somebody changes its parameters", async () => {
    await patch(api, configMaps, parametersAt, { body: { data: { profiles: "", "ns.trading": "x" } } });
    await eventually("the parameters to be right", async () => {
      const data = (await get(api, configMaps, parametersAt))["data"] as Record<string, string>;
      const right = data["profiles"]?.startsWith("cpu-isolation\t") === true;
      return right && data["ns.trading"] === "cpu-isolation/engine" ? true : undefined;
    });
    await expectCurrent(1);
  });

  test.each<[string, number, (i: number) => string]>([
    ["names", 63, (i) => `${"p".repeat(253)}/${"n".repeat(60)}${String(i).padStart(3, "0")}`],
    ["patterns", 63, (i) => `*${"?a".repeat(156)}${String(i).padStart(3, "0")}*`],
  ])(
    "costs an ordinary pod with 100 annotations little enough, and tells what is left out (%s)",
    async (name, count, glob) => {
      const annotations = [...Array.from({ length: count }, (_, i) => glob(i)), `${name}.example/x`];
      await create(api, hookProfiles, profile(name, { protects: { annotations } }));
      await becomes(false, "trading", { annotations: { [`${name}.example/x`]: "x" } });
      const many = Array.from({ length: 100 }, (_, i) => [
        `${"k".repeat(60)}.example/${"k".repeat(55)}${String(i)}`,
        "x",
      ]);
      await expect(
        tryMade("trading", { annotations: Object.fromEntries(many) as Record<string, string> }),
      ).resolves.toBeDefined();
      await expectCurrent(name === "names" ? 1 : 0);
      await remove(api, hookProfiles, { name });
      await becomes(true, "trading", { annotations: { [`${name}.example/x`]: "x" } });
    },
  );
});

describe("where the webhook and its configurations are gone, the backstop", () => {
  beforeAll(async () => {
    await create(api, nodes, { metadata: { name: "n1" } });
    await namespace(api, "alike", webhookAccount);
    await leaveBehind();
    const notAfter = new Date(Date.now() + 12_000).toISOString();
    await namespace(api, "ending");
    await create(api, hookGrants, grant("ending", "ending", { notAfter }));
    await becomes(true, "ending", asking);
    await removeGate();
  }, 60_000);

  /** Pods that were granted, and are not any more. */
  async function leaveBehind(): Promise<void> {
    await namespace(api, "left");
    await create(api, hookGrants, grant("left", "left"));
    await becomes(true, "left", asking);
    for (const name of ["resized", ...formerly.map((each) => each.name)]) {
      await create(api, pods, pod({ name }), { namespace: "left" });
      // So that the annotation is the apply's own, and a later one can take it away.
      await apply(api, { namespace: "left", name }, asking);
    }
    await remove(api, hookGrants, { name: "left" });
    await becomes(false, "left", asking);
  }

  test("refuses what no grant covers, with one line that says how it is granted", async () => {
    expect(await line(tryMade("trading", { ...asking, serviceAccountName: "other" }))).toBe(
      `pod trading/engine-0: annotation ${ASK} is protected by HookProfile cpu-isolation, and no HookGrant covers ` +
        "service account other; a cluster admin can grant it: schedgate grant trading/other --profile cpu-isolation --apply",
    );
    expect(await line(tryMade("trading", { runtimeClassName: "wrapper" }))).toContain(
      "runtimeClassName wrapper is protected by HookProfile cpu-isolation",
    );
    const forged = { annotations: { [ASK]: "enabled", "schedgate.dev/grant": "granted" } };
    expect(await line(tryMade("trading", forged))).toContain(`annotation ${ASK} is protected`);
  });

  test("admits what a grant covers, and touches nothing ordinary", async () => {
    await expect(tryMade("granted", asking)).resolves.toBeDefined();
    await expect(tryMade("trading", { ...asking, serviceAccountName: "engine" })).resolves.toBeDefined();
    for (const options of [
      {},
      { runtimeClassName: "plain" },
      { annotations: { "example.com/a": "b" } },
      { annotations: { [ASK]: "disabled" } },
    ])
      await expect(tryMade("trading", options)).resolves.toBeDefined();
  });

  test("refuses a class made a moment before, whatever its handler", async () => {
    await create(api, runtimeClasses, { metadata: { name: "alias" }, handler: "wrapper" });
    expect(await line(tryMade("trading", { runtimeClassName: "alias" }))).toContain("runtimeClassName alias");
    await expect(tryMade("granted", { runtimeClassName: "alias" })).resolves.toBeDefined();
  });

  test("refuses an apply that makes the pod", async () => {
    const make = (where: string): Promise<unknown> => {
      const path = pathOf(pods, { namespace: where, name: "applied" });
      const body = { apiVersion: "v1", kind: "Pod", ...pod({ name: "applied", ...asking }) };
      const query = { fieldManager: "test" };
      return api.request({ method: "PATCH", path, body, patch: "apply", query });
    };
    expect(await line(make("trading"))).toContain(`annotation ${ASK} is protected`);
    await expect(make("granted")).resolves.toBeDefined();
  });

  describe.each(WRITES)("on a pod that runs, by %s,", (_, write) => {
    test.each([[undefined], ["status"]])(
      "refuses a protected annotation without a grant, and no other (subresource %s)",
      async (subresource) => {
        const at = async (where: string) => ({
          ...(await runs(where)),
          ...(subresource !== undefined && { subresource }),
        });
        const [ungranted, granted] = [await at("trading"), await at("granted")];
        for (const key of [ASK, "cpu-load-balancing.crio.io", "cpu-isolation.schedgate.dev/main"])
          expect(await line(write(api, ungranted, { annotations: { [key]: "enabled" } }))).toContain(
            `annotation ${key} is protected`,
          );
        const other = { annotations: { "example.com/a": "b" }, labels: { a: "b" } };
        expect((await write(api, ungranted, other))["metadata"]).toMatchObject(other);
        expect((await write(api, granted, asking))["metadata"]).toMatchObject(asking);
      },
    );
  });

  test.each(formerly)("lets one that has no grant any more stop asking: $form", async ({ write, name }) => {
    const labelled = await write(api, { namespace: "left", name }, { ...asking, labels: { a: "b" } });
    expect(labelled["metadata"]).toMatchObject({ ...asking, labels: { a: "b" } });
    expect(
      annotationsOf(await write(api, { namespace: "left", name }, { annotations: {} })),
    ).not.toHaveProperty([ASK]);
  });

  test("refuses to give one that has no grant any more other CPUs", async () => {
    const resize = (at: { namespace: string; name: string }): Promise<Json> => {
      const resources = { limits: { cpu: "3" }, requests: { cpu: "3" } };
      const body = { spec: { containers: [{ name: "main", resources }] } };
      return patch(api, pods, { ...at, subresource: "resize" }, { as: "strategic", body });
    };
    expect(await line(resize({ namespace: "left", name: "resized" }))).toContain(`annotation ${ASK}`);
    const granted = await runs("granted", asking);
    for (const at of [granted, await runs("trading")]) await expect(resize(at)).resolves.toBeDefined();
  });

  test.each<[string, (where: string, body: Json) => Promise<Json>]>([
    ["pods/binding", (where, body) => create(api, pods, body, { ...running(where), subresource: "binding" })],
    ["bindings", (where, body) => create(api, kinds.bindings, body, { namespace: where })],
  ])(
    "refuses a Binding that brings a protected annotation, except where all of the namespace is granted: %s",
    async (_, bind) => {
      const binding = (annotations: Json): Json => ({
        metadata: { name: running("").name, annotations },
        target: { kind: "Node", name: "node-1" },
      });
      for (const where of ["trading", "granted"]) await runs(where);
      expect(await line(bind("trading", binding(asking.annotations)))).toContain(
        "no HookGrant covers every service account of the namespace",
      );
      await expect(bind("trading", binding({ "example.com/b": "c" }))).resolves.toBeDefined();
      await expect(bind("granted", binding(asking.annotations))).resolves.toBeDefined();
    },
  );

  test("lets a node mirror its static pod, and nobody else", async () => {
    const { uid } = (await get(api, nodes, { name: "n1" }))["metadata"] as { uid: string };
    const body = JSON.stringify(mirrorOf(pod({ name: "static-n1", ...asking }), { name: "n1", uid }));
    const path = pathOf(pods, { namespace: "trading" });
    const mirror = async (...as: string[]): Promise<string> =>
      (await cluster.lab.kubectl(["create", "--raw", path, "-f", "-", ...as], body)).stderr;
    for (const as of [[], ["--as=system:node:n1", "--as-group=system:masters"]])
      expect(await mirror(...as)).toContain(BY_BACKSTOP);
    expect(await mirror(...asNode("n1"))).toBe("");
  });

  test("spares the webhook's own pods the class, and nothing else, and no others", async () => {
    const own = { serviceAccountName: webhookAccount };
    const classed = { runtimeClassName: "wrapper" };
    await expect(tryMade("schedgate-system", { ...own, ...classed })).resolves.toBeDefined();
    expect(await line(tryMade("schedgate-system", { ...own, ...asking }))).toContain(`annotation ${ASK}`);
    for (const [where, serviceAccountName] of [
      ["alike", webhookAccount],
      ["schedgate-system", "default"],
      ["schedgate-system", "schedgate-node-agent"],
    ] as const)
      expect(await line(tryMade(where, { serviceAccountName, ...classed }))).toContain(
        `no HookGrant covers service account ${serviceAccountName}`,
      );
  });

  test("ends a grant at its time", async () => {
    await eventually(
      "the grant to end",
      async () => {
        try {
          await tryMade("ending", asking);
          return undefined;
        } catch {
          return true;
        }
      },
      20_000,
    );
    expect(await line(tryMade("ending", asking))).toContain("no HookGrant covers service account default");
  });
});
