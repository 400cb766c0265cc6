import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { pathOf, resources } from "../../common/kube/paths.ts";
import { KubeApiError } from "../../common/kube/port.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import { create, eventually, get, kinds, must, namespace, patch, refusalOf, remove } from "./cluster.ts";
import { startCluster } from "./cluster.ts";
import type { Cluster, Json } from "./cluster.ts";
import { ASK, grant, pod, profile } from "./objects.ts";
import type { PodOptions } from "./objects.ts";
import { startWebhook } from "./webhook.ts";
import type { Webhook } from "./webhook.ts";

const { configMaps, hookGrants, hookProfiles, mutatingWebhooks, pods, runtimeClasses, validatingWebhooks } =
  resources;
const backstop = join(import.meta.dirname, "../../manifests/optional/backstop");
const parametersAt = { namespace: "schedgate-system", name: "schedgate-backstop" };
const asking = { annotations: { [ASK]: "enabled" } };

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
  await must(cluster.lab, ["apply", "-k", backstop]);
  await eventually("the parameters", async () => {
    const { data } = await get(api, configMaps, parametersAt);
    return (data as Json | undefined)?.["ns.granted"];
  });
}, 600_000);

afterAll(async () => {
  await webhook.stop();
  await cluster.stop();
}, 60_000);

/** A pod that is judged in full but not kept. */
function tryPod(where: string, options: PodOptions = {}): Promise<Json> {
  const path = pathOf(pods, { namespace: where });
  return api.request({
    method: "POST",
    path,
    body: pod(options),
    query: { dryRun: "All" },
  }) as Promise<Json>;
}

async function line(call: Promise<unknown>): Promise<string> {
  const { status, reason, message } = await refusalOf(call);
  expect({ status, reason, message }).toMatchObject({ status: 403, reason: "Forbidden" });
  expect(message).toContain("ValidatingAdmissionPolicy 'schedgate-backstop'");
  return message.replace(/^.*denied request: /, "");
}

/** Waits until the API server admits such a pod, or no longer does: 5 s are promised. */
async function becomes(admitted: boolean, where: string, options: PodOptions): Promise<void> {
  await eventually(
    `a pod to be ${admitted ? "admitted" : "refused"} in ${where}`,
    async () => {
      try {
        await tryPod(where, options);
        return admitted ? true : undefined;
      } catch (error) {
        if (!(error instanceof KubeApiError) || error.status !== 403) throw error;
        return admitted ? undefined : true;
      }
    },
    5_000,
  );
}

/** Ends the webhook, so that nothing is put back, and removes its configurations. */
async function removeGate(): Promise<void> {
  await webhook.stop("SIGTERM");
  for (const each of [mutatingWebhooks, validatingWebhooks]) await remove(api, each, { name: "schedgate" });
}

describe("beside the webhook, the backstop", () => {
  test("refuses nothing that the webhook admits", async () => {
    await becomes(false, "trading", asking);
    for (const options of [
      {},
      { runtimeClassName: "plain" },
      { annotations: { [ASK]: "disabled" } },
      { annotations: { "example.com/a": "b", "schedgate.dev/other": "x" } },
    ])
      await expect(tryPod("trading", options)).resolves.toBeDefined();
    await expect(tryPod("granted", asking)).resolves.toBeDefined();
    await expect(tryPod("granted", { runtimeClassName: "wrapper" })).resolves.toBeDefined();
    await expect(tryPod("trading", { ...asking, serviceAccountName: "engine" })).resolves.toBeDefined();
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
    await expect(tryPod("trading", { annotations: { "vendor.example/other": "x" } })).resolves.toBeDefined();
    await patch(api, hookProfiles, { name: "vendor" }, { body: { spec: { enforcement: "Warn" } } });
    await becomes(true, "trading", vendor);
    await remove(api, hookProfiles, { name: "vendor" });
  });

  test("is put right when somebody changes its parameters", async () => {
    await patch(api, configMaps, parametersAt, { body: { data: { profiles: "", "ns.trading": "x" } } });
    await eventually("the parameters to be right", async () => {
      const data = (await get(api, configMaps, parametersAt))["data"] as Record<string, string>;
      const right = data["profiles"]?.startsWith("cpu-isolation\t") === true;
      return right && data["ns.trading"] === "cpu-isolation/engine" ? true : undefined;
    });
    expect(await webhook.metric("schedgate_backstop_current ")).toBe(1);
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
        tryPod("trading", { annotations: Object.fromEntries(many) as Record<string, string> }),
      ).resolves.toBeDefined();
      expect(await webhook.metric("schedgate_backstop_current ")).toBe(name === "names" ? 1 : 0);
      await remove(api, hookProfiles, { name });
      await becomes(true, "trading", { annotations: { [`${name}.example/x`]: "x" } });
    },
  );
});

describe("where the webhook and its configurations are gone, the backstop", () => {
  beforeAll(async () => {
    const notAfter = new Date(Date.now() + 12_000).toISOString();
    await namespace(api, "ending");
    await create(api, hookGrants, grant("ending", "ending", { notAfter }));
    await becomes(true, "ending", asking);
    await create(api, pods, pod({ name: "before" }), { namespace: "trading" });
    await removeGate();
  }, 60_000);

  test("refuses what no grant covers, with one line that says how it is granted", async () => {
    expect(await line(tryPod("trading", { ...asking, serviceAccountName: "other" }))).toBe(
      `pod trading/engine-0: annotation ${ASK} is protected by HookProfile cpu-isolation, and no HookGrant covers ` +
        "service account other; a cluster admin can grant it: schedgate grant trading/other --profile cpu-isolation --apply",
    );
    expect(await line(tryPod("trading", { runtimeClassName: "wrapper" }))).toContain(
      "runtimeClassName wrapper is protected by HookProfile cpu-isolation",
    );
    const forged = { annotations: { [ASK]: "enabled", "schedgate.dev/grant": "granted" } };
    expect(await line(tryPod("trading", forged))).toContain(`annotation ${ASK} is protected`);
  });

  test("admits what a grant covers, and touches nothing ordinary", async () => {
    await expect(tryPod("granted", asking)).resolves.toBeDefined();
    await expect(tryPod("trading", { ...asking, serviceAccountName: "engine" })).resolves.toBeDefined();
    for (const options of [
      {},
      { runtimeClassName: "plain" },
      { annotations: { "example.com/a": "b" } },
      { annotations: { [ASK]: "disabled" } },
    ])
      await expect(tryPod("trading", options)).resolves.toBeDefined();
  });

  test("refuses a class made a moment before, whatever its handler", async () => {
    await create(api, runtimeClasses, { metadata: { name: "alias" }, handler: "wrapper" });
    expect(await line(tryPod("trading", { runtimeClassName: "alias" }))).toContain("runtimeClassName alias");
    await expect(tryPod("granted", { runtimeClassName: "alias" })).resolves.toBeDefined();
  });

  test("refuses a protected annotation on a pod that runs, and lets all else be changed", async () => {
    const at = { namespace: "trading", name: "before" };
    const annotate = (annotations: Json, subresource?: string): Promise<Json> =>
      patch(
        api,
        pods,
        { ...at, ...(subresource !== undefined && { subresource }) },
        {
          body: { metadata: { annotations } },
        },
      );
    expect(await line(annotate({ [ASK]: "enabled" }))).toContain(`annotation ${ASK}`);
    expect(await line(annotate({ [ASK]: "enabled" }, "status"))).toContain(`annotation ${ASK}`);
    await expect(annotate({ "example.com/a": "b" })).resolves.toBeDefined();
  });

  test("refuses a Binding that brings a protected annotation, except where all of the namespace is granted", async () => {
    const binding = (annotations: Json): Json => ({
      metadata: { name: "before", annotations },
      target: { kind: "Node", name: "node-1" },
    });
    const bind = (body: Json): Promise<Json> => create(api, kinds.bindings, body, { namespace: "trading" });
    expect(await line(bind(binding({ [ASK]: "enabled" })))).toContain(
      "every service account of the namespace",
    );
    await expect(bind(binding({ "example.com/b": "c" }))).resolves.toBeDefined();
  });

  test("ends a grant at its time", async () => {
    await eventually(
      "the grant to end",
      async () => {
        try {
          await tryPod("ending", asking);
          return undefined;
        } catch {
          return true;
        }
      },
      20_000,
    );
    expect(await line(tryPod("ending", asking))).toContain("no HookGrant covers service account default");
  });
});
