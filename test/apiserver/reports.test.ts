import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { resources } from "../../common/kube/paths.ts";
import type { ResourceName } from "../../common/kube/paths.ts";
import { hasStatus } from "../../common/kube/port.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import { create, eventually, get, must, namespace, remove, startCluster } from "./cluster.ts";
import type { Cluster, Json } from "./cluster.ts";
import { ASK, grant, pod, profile } from "./objects.ts";
import { startWebhook } from "./webhook.ts";
import type { Webhook } from "./webhook.ts";

const { hookGrants, hookProfiles, openReports, policyReports, pods } = resources;
const asking = { annotations: { [ASK]: "enabled" } };

jest.setTimeout(60_000);

let cluster: Cluster;
let api: KubeApi;
let webhook: Webhook;

/** A kind of report, as strict about what we write as the published one (field names, types, enums). */
function reportKind(resource: ResourceName, kind: string): Json {
  const string = { type: "string" };
  const integer = { type: "integer" };
  const object = (properties: Json, required: string[] = []): Json => ({
    type: "object",
    properties,
    required,
  });
  const oneOf = (...values: string[]): Json => ({ ...string, enum: values });
  const reference = object({
    apiVersion: string,
    kind: string,
    namespace: string,
    name: string,
    uid: string,
  });
  const result = object(
    {
      ...{ policy: string, rule: string, category: string, source: string, message: string },
      result: oneOf("pass", "fail", "warn", "error", "skip"),
      severity: oneOf("high", "low", "medium"),
      resources: { type: "array", items: reference },
    },
    ["policy"],
  );
  const summary = object({ pass: integer, fail: integer, warn: integer, error: integer, skip: integer });
  const schema = object({ metadata: { type: "object" }, summary, results: { type: "array", items: result } });
  const names = { kind, listKind: `${kind}List`, plural: resource.resource, singular: kind.toLowerCase() };
  const version = {
    name: resource.version,
    served: true,
    storage: true,
    schema: { openAPIV3Schema: schema },
  };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${resource.resource}.${resource.group}` },
    spec: { group: resource.group, scope: "Namespaced", names, versions: [version] },
  };
}

beforeAll(async () => {
  cluster = await startCluster("reports");
  ({ api } = cluster);
  await namespace(api, "research");
  await create(api, pods, pod({ name: "old-0", ...asking }), { namespace: "research" });
  webhook = await startWebhook(cluster);
  await webhook.ready();
}, 600_000);

afterAll(async () => {
  await webhook.stop();
  await cluster.stop();
}, 60_000);

/** The report of a namespace, once it is as the test wants it. */
function reportOf(resource: ResourceName, at: string, isRight: (report: Json) => boolean): Promise<Json> {
  return eventually(`${resource.resource} of ${at}`, async () => {
    try {
      const report = await get(api, resource, { namespace: at, name: "schedgate" });
      return isRight(report) ? report : undefined;
    } catch (error) {
      if (hasStatus(error, 404)) return undefined;
      throw error;
    }
  });
}

const summaryIs = (fail: number, warn: number) => (report: Json) => {
  const summary = report["summary"] as Json;
  return summary["fail"] === fail && summary["warn"] === warn;
};

describe("a cluster without policy reports", () => {
  test("is told of unauthorized pods all the same", async () => {
    const counted = async () => {
      const { unauthorized } = ((await get(api, hookProfiles, { name: "cpu-isolation" }))["status"] ??
        {}) as {
        unauthorized?: { count: number };
      };
      return unauthorized?.count === 1 ? true : undefined;
    };
    await expect(eventually("the count", counted)).resolves.toBe(true);
    expect(webhook.log().filter((line) => line["level"] === "error")).toEqual([]);
  });
});

describe.each([
  ["PolicyReport", policyReports],
  ["Report", openReports],
])("where the kind %s exists", (kind, resource) => {
  test("each namespace with unauthorized pods has a report, and no other", async () => {
    await must(cluster.lab, ["apply", "-f", "-"], JSON.stringify(reportKind(resource, kind)));
    await must(cluster.lab, ["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"]);
    const lenient = { protects: { annotations: [ASK] }, enforcement: "Warn" };
    await create(api, hookProfiles, profile("lenient", lenient));
    const report = await reportOf(resource, "research", summaryIs(1, 1));
    expect(report["results"]).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          policy: "cpu-isolation",
          rule: "unauthorized",
          result: "fail",
          severity: "high",
          source: "schedgate",
          message: expect.stringContaining("no HookGrant covers service account research/default") as unknown,
          resources: [expect.objectContaining({ kind: "Pod", namespace: "research", name: "old-0" })],
        }),
      ]),
    );
    await remove(api, hookProfiles, { name: "lenient" });
    await reportOf(resource, "research", summaryIs(1, 0));
    const all = (await get(api, resource, {}))["items"] as Json[];
    expect(all).toHaveLength(1);

    await create(api, hookGrants, grant("research", "research"));
    const gone = async () => ((await get(api, resource, {}))["items"] as Json[]).length === 0 || undefined;
    await expect(eventually("no report", gone)).resolves.toBe(true);
    await remove(api, hookGrants, { name: "research" });
    await reportOf(resource, "research", summaryIs(1, 0));
  });
});
