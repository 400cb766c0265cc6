import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { resources } from "../../common/kube/paths.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import { create, eventually, get, must, namespace, patch, remove, startCluster } from "./cluster.ts";
import type { Cluster, Json } from "./cluster.ts";
import { ASK, conditionOf, grant, pod, profile } from "./objects.ts";
import { startWebhook } from "./webhook.ts";
import type { Webhook } from "./webhook.ts";

const { hookGrants, hookProfiles, pods, runtimeClasses } = resources;

jest.setTimeout(60_000);

let cluster: Cluster;
let api: KubeApi;
let webhook: Webhook;

beforeAll(async () => {
  cluster = await startCluster("audit");
  ({ api } = cluster);
  await namespace(api, "trading", "engine");
  await namespace(api, "research");
  // From before anybody judged.
  await create(api, pods, pod({ name: "old-0", annotations: { [ASK]: "enabled" } }), {
    namespace: "research",
  });
  await create(api, pods, pod({ name: "class-0", runtimeClassName: "wrapper" }), { namespace: "research" });
  await create(api, pods, pod({ name: "plain-0" }), { namespace: "research" });
  webhook = await startWebhook(cluster);
  await webhook.ready();
}, 600_000);

afterAll(async () => {
  await webhook.stop();
  await cluster.stop();
}, 60_000);

/** Waits until the profile's status names these pods. */
async function expectUnauthorized(name: string, expected: string[], timeoutMs = 10_000): Promise<void> {
  const names = async (): Promise<string> => {
    const { unauthorized } = ((await get(api, hookProfiles, { name }))["status"] ?? {}) as {
      unauthorized?: { count: number; pods: { namespace: string; name: string }[] };
    };
    if (unauthorized === undefined) return "not yet";
    return [unauthorized.count, ...unauthorized.pods.map((each) => `${each.namespace}/${each.name}`)].join(
      " ",
    );
  };
  const wanted = [expected.length, ...expected].join(" ");
  const right = async () => ((await names()) === wanted ? true : undefined);
  await expect(eventually(`${name} to name ${wanted}`, right, timeoutMs)).resolves.toBe(true);
}

/** Waits until the object's condition Ready has this reason. */
async function expectReason(
  kind: typeof hookGrants | typeof hookProfiles,
  name: string,
  reason: string,
): Promise<void> {
  const right = async () =>
    conditionOf(await get(api, kind, { name }), "Ready")?.reason === reason ? true : undefined;
  await expect(eventually(`${name} to be ${reason}`, right, 10_000)).resolves.toBe(true);
}

describe("a profile's status", () => {
  test("names the pods from before it that no grant covers", async () => {
    await expectUnauthorized("cpu-isolation", ["research/class-0", "research/old-0"]);
    expect(await webhook.metric('schedgate_unauthorized_pods{profile="cpu-isolation"}')).toBe(2);
  });

  test("follows grants, and their end by time alone", async () => {
    // Long enough for a busy machine to see it in force.
    const notAfter = new Date(Date.now() + 12_000).toISOString();
    await create(api, hookGrants, grant("research", "research", { notAfter }));
    await expectUnauthorized("cpu-isolation", []);
    await expectUnauthorized("cpu-isolation", ["research/class-0", "research/old-0"], 20_000);
    await expectReason(hookGrants, "research", "Expired");
    await remove(api, hookGrants, { name: "research" });
  });

  test("follows pods that end", async () => {
    const at = { namespace: "research", name: "class-0", subresource: "status" };
    await patch(api, pods, at, { body: { status: { phase: "Succeeded" } } });
    await expectUnauthorized("cpu-isolation", ["research/old-0"]);
    await remove(api, pods, { namespace: "research", name: "old-0" });
    await expectUnauthorized("cpu-isolation", []);
  });

  test("names a pod that waits while its class is made again with a protected handler", async () => {
    const makeClass = (handler: string): Promise<Json> =>
      create(api, runtimeClasses, { metadata: { name: "shifting" }, handler });
    const at = { namespace: "research", name: "waiting-0" };
    await makeClass("harmless");
    const made = await create(api, pods, pod({ name: at.name, runtimeClassName: "shifting" }), {
      namespace: at.namespace,
    });
    expect(made["status"]).toMatchObject({ phase: "Pending" });
    await expectUnauthorized("cpu-isolation", []);
    await remove(api, runtimeClasses, { name: "shifting" });
    await makeClass("wrapper");
    await expectUnauthorized("cpu-isolation", ["research/waiting-0"]);
    await remove(api, pods, at);
    await expectUnauthorized("cpu-isolation", []);
    await remove(api, runtimeClasses, { name: "shifting" });
  });

  test("names pods whose annotation is protected only since a moment ago", async () => {
    const annotations = { "vendor.example/pinned": "yes" };
    await create(api, pods, pod({ name: "vendor-0", annotations }), { namespace: "research" });
    const protects = { protects: { annotations: ["vendor.example/*"] }, enforcement: "Audit" };
    await create(api, hookProfiles, profile("vendor", protects));
    await expectUnauthorized("vendor", ["research/vendor-0"]);
  });

  test("says what classes it protects, and what keeps it from working", async () => {
    const alias = { metadata: { name: "wrapper-b" }, handler: "wrapper" };
    await create(api, runtimeClasses, alias);
    const classes = async () => {
      const status = ((await get(api, hookProfiles, { name: "cpu-isolation" }))["status"] ?? {}) as Json;
      return JSON.stringify(status["runtimeClasses"]) === '["wrapper","wrapper-b"]' ? true : undefined;
    };
    await eventually("both classes", classes, 10_000);
    await create(api, hookProfiles, profile("second", { protects: {}, request: { annotation: ASK } }));
    await expectReason(hookProfiles, "second", "RequestTaken");
    const lost = { protects: {}, request: { annotation: "x.example/a", runtimeClassName: "nowhere" } };
    await create(api, hookProfiles, profile("third", lost));
    await expectReason(hookProfiles, "third", "RuntimeClassMissing");
    await create(api, hookGrants, grant("lost", "research", { profileName: "nobody" }));
    await expectReason(hookGrants, "lost", "ProfileMissing");
    const object = await get(api, hookProfiles, { name: "third" });
    expect((object["status"] as Json)["observedGeneration"]).toBe((object["metadata"] as Json)["generation"]);
    await Promise.all(["second", "third", "vendor"].map((name) => remove(api, hookProfiles, { name })));
  });

  test("is what kubectl get shows a person", async () => {
    const subjects = [{ namespace: "research" }, { namespace: "trading", serviceAccounts: ["engine"] }];
    const limits = { pods: 3, isolatedCPUs: 8 };
    const notAfter = "2100-01-01T00:00:00Z";
    await create(api, hookGrants, grant("both", "", { subjects, limits, notAfter }));
    const engine = pod({ serviceAccountName: "engine", annotations: { [ASK]: "enabled" } });
    await eventually("the grant", () =>
      create(api, pods, engine, { namespace: "trading" }).catch(() => undefined),
    );
    const profiles = await table("hookprofiles");
    expect(profiles["NAME"]).toEqual(["REQUEST", "ENFORCEMENT", "READY", "REASON", "UNAUTHORIZED", "AGE"]);
    expect(profiles["cpu-isolation"]).toEqual([ASK, "Enforce", "True", "Protecting", "0", expect.anything()]);
    const grants = await table("hookgrants");
    expect(grants["NAME"]).toEqual("PROFILE NAMESPACE NOTAFTER PODS CPUS READY REASON AGE".split(" "));
    expect(grants["both"]).toEqual([
      "cpu-isolation",
      "research",
      notAfter,
      "1",
      "2",
      "True",
      "Granting",
      expect.anything(),
    ]);
    expect(grants["lost"]).toEqual(expect.arrayContaining(["nobody", "research", "False", "ProfileMissing"]));
    const wide = await table("hookgrants", "-o", "wide");
    expect(wide["NAME"]).toEqual(
      "PROFILE NAMESPACE SUBJECTS NOTAFTER PODS CPUS MAX-PODS MAX-CPUS READY REASON AGE".split(" "),
    );
    expect(wide["both"]).toEqual(expect.arrayContaining(["1", "2", "3", "8"]));
    expect(wide["both"]?.[2]).toContain('"namespace":"trading"');
  });
});

/** What kubectl get prints: the cells of each line, by its first. */
async function table(...args: string[]): Promise<Record<string, string[]>> {
  const lines = (await must(cluster.lab, ["get", ...args])).trimEnd().split("\n");
  return Object.fromEntries(
    lines.map((line) => line.split(/ {2,}/)).map(([name = "", ...cells]) => [name, cells]),
  );
}
