import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { customResourceDefinitions } from "../../common/api/crds.ts";
import { resources } from "../../common/kube/paths.ts";
import type { ResourceName } from "../../common/kube/paths.ts";
import { create, get, must, patch, refusalOf, startCluster } from "./cluster.ts";
import type { Cluster, Json } from "./cluster.ts";
import { grant, profile, specOf } from "./objects.ts";

const { hookGrants, hookProfiles, nodeIsolations } = resources;

jest.setTimeout(30_000);

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster("crds");
}, 600_000);

afterAll(async () => {
  await cluster.stop();
}, 60_000);

let made = 0;

function unique(prefix: string): string {
  made += 1;
  return `${prefix}-${String(made)}`;
}

/** What the API server says to an object that it refuses. */
async function complaint(resource: ResourceName, body: Json): Promise<string> {
  const error = await refusalOf(create(cluster.api, resource, body));
  expect(error.status).toBe(422);
  return error.message;
}

describe("the kinds", () => {
  test("have structural schemas, and the names that people type", async () => {
    for (const { metadata } of customResourceDefinitions()) {
      const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${metadata.name}`;
      const crd = (await cluster.api.request({ method: "GET", path })) as { status: { conditions: Json[] } };
      expect(
        crd.status.conditions.map((each) => `${String(each["type"])}=${String(each["status"])}`).sort(),
      ).toEqual(["Established=True", "NamesAccepted=True"]);
    }
    await must(cluster.lab, ["get", "hkp,hkg,niso"]);
  });

  test("are explained", async () => {
    const text = await must(cluster.lab, ["explain", "hookprofile.spec.protects.annotations"]);
    expect(text).toContain("exactly as Go's path.Match");
  });

  test("are told apart by the enforcement that is not written", async () => {
    const object = await get(cluster.api, hookProfiles, { name: "cpu-isolation" });
    expect(specOf(object)["enforcement"]).toBe("Enforce");
    const fresh = await create(
      cluster.api,
      hookProfiles,
      profile(unique("default"), { protects: { annotations: ["a/b"] } }),
    );
    expect(specOf(fresh)["enforcement"]).toBe("Enforce");
  });
});

describe("a HookProfile", () => {
  const request = { annotation: "example.com/x" };
  const many = (count: number, of: (i: number) => string): string[] =>
    Array.from({ length: count }, (_, i) => of(i));

  test("may be as large as its bounds", async () => {
    const protects = {
      runtimeHandlers: many(32, (i) => `${"h".repeat(60)}${String(i)}`),
      annotations: many(64, (i) => `[^a-z]${"*a".repeat(152)}[\\]]${String(i).padStart(3, "0")}`),
    };
    const object = await create(cluster.api, hookProfiles, profile(unique("large"), { protects, request }));
    expect(specOf(object)).toMatchObject({ protects });
  });

  test.each<[string, Json, string]>([
    [
      "too many handlers",
      { protects: { runtimeHandlers: many(33, (i) => `h${String(i)}`) } },
      "must have at most 32 items",
    ],
    [
      "too many globs",
      { protects: { annotations: many(65, (i) => `a${String(i)}`) } },
      "must have at most 64 items",
    ],
    ["a glob that is too long", { protects: { annotations: ["a".repeat(318)] } }, "may not be more than 317"],
    ["a handler twice", { protects: { runtimeHandlers: ["a", "a"] } }, "Duplicate value"],
    ["a handler that is no handler", { protects: { runtimeHandlers: ["Wrapper"] } }, "should match"],
    [
      "a broken glob",
      { protects: { annotations: ["a["] } },
      "not a glob of Go's path.Match in printable ASCII",
    ],
    ["an empty class", { protects: { annotations: ["[]a]"] } }, "not a glob of Go's path.Match"],
    [
      "a glob that ends in a backslash",
      { protects: { annotations: ["a\\"] } },
      "not a glob of Go's path.Match",
    ],
    ["a glob that is not ASCII", { protects: { annotations: ["ä"] } }, "not a glob of Go's path.Match"],
    ["an empty glob", { protects: { annotations: [""] } }, "should be at least 1 chars long"],
    [
      "nothing to protect",
      { protects: {} },
      "protects nothing: name a runtime handler, an annotation or a request",
    ],
    ["empty lists", { protects: { annotations: [], runtimeHandlers: [] } }, "protects nothing"],
    ["no protects", {}, "spec.protects: Required value"],
    [
      "a request without a prefix",
      { protects: {}, request: { annotation: "isolated" } },
      "must be a prefix, a slash and a name",
    ],
    [
      "a request whose name has a dot",
      { protects: {}, request: { annotation: "a.b/c.d" } },
      "must be a prefix, a slash and a name",
    ],
    [
      "our own annotation as request",
      { protects: {}, request: { annotation: "schedgate.dev/grant" } },
      "is written by the webhook alone",
    ],
    [
      "requires without request",
      { protects: { annotations: ["a"] }, requires: { exclusiveCPUs: true } },
      "it needs request",
    ],
    [
      "another class of service",
      { protects: {}, request, requires: { qosClass: "Burstable" } },
      'supported values: "Guaranteed"',
    ],
    [
      "another enforcement",
      { protects: {}, request, enforcement: "enforce" },
      'supported values: "Enforce", "Warn", "Audit"',
    ],
  ])("is refused with %s", async (_, spec, message) => {
    expect(await complaint(hookProfiles, profile(unique("bad"), spec))).toContain(message);
  });
});

describe("a HookGrant", () => {
  const subject = (i: number): Json => ({ namespace: `n${String(i)}` });
  const accounts = (count: number): Json => ({
    namespace: "a",
    serviceAccounts: Array.from({ length: count }, (_, i) => `s${String(i)}`),
  });
  const subjects = (count: number): Json[] => Array.from({ length: count }, (_, i) => subject(i));

  test("may be as large as its bounds", async () => {
    const spec = {
      subjects: [accounts(64), ...subjects(63)],
      limits: { pods: 10, isolatedCPUs: 8 },
      notAfter: "2027-01-01T00:00:00Z",
    };
    const object = await create(cluster.api, hookGrants, grant(unique("large"), "a", spec));
    expect(specOf(object)).toMatchObject(spec);
  });

  test.each<[string, Json, string]>([
    ["nobody", { subjects: [] }, "should have at least 1 items"],
    ["too many namespaces", { subjects: subjects(65) }, "must have at most 64 items"],
    ["a namespace twice", { subjects: [subject(1), subject(1)] }, "Duplicate value"],
    ["no namespace", { subjects: [{ serviceAccounts: ["a"] }] }, "namespace: Required value"],
    ["an empty list of accounts", { subjects: [accounts(0)] }, "should have at least 1 items"],
    ["too many accounts", { subjects: [accounts(65)] }, "must have at most 64 items"],
    ["a pattern for a namespace", { subjects: [{ namespace: "*" }] }, "should match"],
    ["no profile", { profileName: undefined }, "spec.profileName: Required value"],
    ["a negative limit", { limits: { pods: -1 } }, "should be greater than or equal to 0"],
    ["half a CPU", { limits: { isolatedCPUs: 0.5 } }, "must be of type integer"],
    ["an end that is no time", { notAfter: "tomorrow" }, "must be of type date-time"],
  ])("is refused with %s", async (_, spec, message) => {
    expect(await complaint(hookGrants, grant(unique("bad"), "a", spec))).toContain(message);
  });
});

describe("a NodeIsolation", () => {
  const status = {
    backend: "CgroupV2",
    kernelVersion: "6.12.0",
    runtime: "containerd 2.1",
    onlineCPUs: "0-3",
    isolatedCPUs: "2-3",
    owners: [
      {
        cpus: "2-3",
        containerID: "abc",
        namespace: "a",
        pod: "p",
        container: "c",
        since: "2026-01-01T00:00:00Z",
      },
    ],
    proof: { source: "/proc/schedstat", verifiedAt: "2026-01-01T00:00:00Z" },
    observedHooks: [{ file: "x.json", reason: "always" }],
    conditions: [
      {
        type: "Ready",
        status: "True",
        reason: "Serving",
        message: "",
        lastTransitionTime: "2026-01-01T00:00:00Z",
      },
    ],
  };

  test("holds what its agent says, and shows it in a row", async () => {
    const name = unique("node");
    await create(cluster.api, nodeIsolations, {
      apiVersion: "schedgate.dev/v1alpha1",
      kind: "NodeIsolation",
      metadata: { name },
    });
    const at = { name, subresource: "status" };
    expect((await patch(cluster.api, nodeIsolations, at, { body: { status } }))["status"]).toEqual(status);
    const row = await must(cluster.lab, ["get", "niso", name, "--no-headers"]);
    expect(row.split(/ +/).slice(0, 4)).toEqual([name, "CgroupV2", "2-3", "True"]);
    const error = await refusalOf(
      patch(cluster.api, nodeIsolations, at, { body: { status: { isolatedCPUs: "two" } } }),
    );
    expect(error.message).toContain("should match");
  });
});
