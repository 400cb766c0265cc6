import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { pathOf, resources } from "../../common/kube/paths.ts";
import type { ResourceName } from "../../common/kube/paths.ts";
import { hasStatus } from "../../common/kube/port.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import { cacheRoot, openCache } from "../lab/cache.ts";
import { moduleFiles } from "../lab/modulefiles.ts";
import type { ModuleFiles } from "../lab/modulefiles.ts";
import { kindsServed } from "../lab/product/kinds.ts";
import { create, eventually, get, must, namespace, refusalOf, remove, startCluster } from "./cluster.ts";
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

/** Who publishes the kinds of reports; Kyverno brings the one of the policy working group, whose own module the proxy lacks. */
const publishers: Record<string, ModuleFiles> = {
  PolicyReport: {
    module: "github.com/kyverno/kyverno",
    version: "v1.18.1",
    files: ["config/crds/policyreport/wgpolicyk8s.io_policyreports.yaml"],
  },
  Report: {
    module: "github.com/openreports/reports-api",
    version: "v0.2.1",
    files: ["config/crd/openreports.io_reports.yaml"],
  },
};

/** Installs a kind as it is published. */
async function install(kind: string): Promise<void> {
  const { lab } = cluster;
  const publisher = publishers[kind];
  if (publisher === undefined) throw new Error(`nobody publishes ${kind}`);
  const directory = await moduleFiles(openCache(cacheRoot(process.env), lab.options.log), publisher);
  await must(lab, ["create", "-f", directory]);
  await kindsServed(lab);
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
])("where the kind %s is installed as published", (kind, resource) => {
  beforeAll(() => install(kind), 120_000);

  test("each namespace with unauthorized pods has a report, and no other", async () => {
    const lenient = { protects: { annotations: [ASK] }, enforcement: "Warn" };
    await create(api, hookProfiles, profile("lenient", lenient));
    const report = await reportOf(resource, "research", summaryIs(1, 1));
    expect(report["results"]).toHaveLength(2);
    expect(report["results"]).toContainEqual(
      expect.objectContaining({ policy: "lenient", result: "warn", severity: "medium" }),
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

  test("a report says which pod, by which profile and why, and nothing of it is lost in the kind's schema", async () => {
    const { metadata, summary, results } = await reportOf(resource, "research", summaryIs(1, 0));
    const { uid } = (await get(api, pods, { namespace: "research", name: "old-0" }))["metadata"] as Json;
    expect(metadata).toMatchObject({ labels: { "app.kubernetes.io/managed-by": "schedgate" } });
    expect(summary).toEqual({ pass: 0, fail: 1, warn: 0, error: 0, skip: 0 });
    expect(results).toEqual([
      {
        policy: "cpu-isolation",
        rule: "unauthorized",
        category: "schedgate",
        source: "schedgate",
        result: "fail",
        severity: "high",
        message: expect.stringMatching(
          /^pod research\/old-0: .* no HookGrant covers service account research\/default; /,
        ) as unknown,
        resources: [{ apiVersion: "v1", kind: "Pod", namespace: "research", name: "old-0", uid }],
      },
    ]);
  });

  test("what is written is valid where unknown fields are errors; one field more would not be", async () => {
    const { apiVersion, summary, results } = await reportOf(resource, "research", summaryIs(1, 0));
    const [result] = results as Json[];
    const send = (more: Json): Promise<unknown> =>
      api.request({
        method: "POST",
        path: pathOf(resource, { namespace: "default" }),
        query: { dryRun: "All", fieldValidation: "Strict" },
        body: { apiVersion, kind, metadata: { name: "copy" }, summary, results, ...more },
      });
    await send({});
    expect((await refusalOf(send({ results: [{ ...result, colour: "red" }] }))).message).toContain(
      'unknown field "results[0].colour"',
    );
  });
});
