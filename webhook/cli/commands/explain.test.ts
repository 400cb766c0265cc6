import { describe, expect, test } from "@jest/globals";
import { pathOf, resources } from "../../../common/kube/paths.ts";
import { KubeApiError } from "../../../common/kube/port.ts";
import type { KubeApi } from "../../../common/kube/port.ts";
import { cpuIsolation, grantOf } from "../../policy/testing.ts";
import { call } from "../testing.ts";

const ASK = "schedgate.dev/cpu-isolation";

function podOf(name: string, annotations: Record<string, string>, spec: object = {}): object {
  const resourcesOf = { limits: { cpu: "2", memory: "1Gi" } };
  return {
    metadata: { name, namespace: "trading", annotations },
    spec: { ...spec, containers: [{ name: "main", resources: resourcesOf }] },
  };
}

/** An API server that holds these paths, and may only be read. */
function readOnly(objects: Readonly<Record<string, unknown>>): KubeApi {
  return {
    request(request) {
      const found = request.method === "GET" ? objects[request.path] : undefined;
      if (found !== undefined) return Promise.resolve(found);
      const status = request.method === "GET" ? 404 : 405;
      return Promise.reject(new KubeApiError(request, { status, reason: "NotFound", message: "not found" }));
    },
    watch: () => {
      throw new Error("nothing here watches");
    },
  };
}

const list = (kind: string, items: object[]): object => ({ apiVersion: "v1", kind, metadata: {}, items });
const api = readOnly({
  [pathOf(resources.hookProfiles)]: list("HookProfileList", [cpuIsolation]),
  [pathOf(resources.hookGrants)]: list("HookGrantList", [
    grantOf("engine", { subjects: [{ namespace: "trading", serviceAccounts: ["engine"] }] }),
  ]),
  [pathOf(resources.runtimeClasses, { name: "wrapper" })]: {
    metadata: { name: "wrapper" },
    handler: "wrapper",
  },
  [pathOf(resources.pods, { namespace: "trading" })]: list("PodList", [
    podOf("web", {}),
    podOf("engine-0", { [ASK]: "enabled", "schedgate.dev/grant": "old" }, { serviceAccountName: "engine" }),
    podOf("left", {}, { runtimeClassName: "wrapper" }),
    podOf("ghost", {}, { runtimeClassName: "ghost" }),
  ]),
  [pathOf(resources.pods, { namespace: "trading", name: "web" })]: podOf("web", {}),
});

describe("explain only reads, and says", () => {
  test("of a namespace's pods what those use that use something, and counts the others", async () => {
    const { code, stdout } = await call(["explain"], { api });
    expect(code).toBe(0);
    expect(stdout.replaceAll(/; a cluster admin .*/g, "; …"))
      .toBe(`Pod trading/engine-0 (service account engine)
  uses runtimeClassName wrapper (handler wrapper) and annotation ${ASK}=enabled, protected by HookProfile cpu-isolation (Enforce)
    covered by HookGrant engine
  was admitted by HookGrant old
  a pod like this now: allowed, with runtimeClassName: wrapper
Pod trading/left (service account default)
  uses runtimeClassName wrapper (handler wrapper), protected by HookProfile cpu-isolation (Enforce)
    covered by no HookGrant
  a pod like this now: refused
    pod trading/left: runtimeClassName wrapper (handler wrapper) is protected by HookProfile cpu-isolation, and no HookGrant covers service account trading/default, only others of its namespace (is spec.serviceAccountName right?); …
Pod trading/ghost (service account default)
  a pod like this now: refused
    schedgate could not judge this: RuntimeClass ghost does not exist, so it is not known whether it is protected
1 pod uses nothing that is protected in namespace trading
`);
  });

  test("of one pod that it uses nothing", async () => {
    expect((await call(["explain", "web"], { api })).stdout).toBe(`Pod trading/web (service account default)
  uses nothing that is protected
  a pod like this now: allowed
`);
  });

  test("the same for programs", async () => {
    const { stdout } = await call(["explain", "pod/web", "-o", "json"], { api });
    expect(JSON.parse(stdout)).toMatchObject({
      kind: "Pod",
      name: "web",
      verdict: "allowed",
      protections: [],
    });
  });

  test.each<[string, RegExp]>([
    ["service/web", /"service\/web": use POD, or TYPE\/NAME with one of pod, replicationcontroller/],
    ["pod/", /use POD, or TYPE\/NAME/],
    ["deploy/none", /GET \/apis\/apps\/v1\/namespaces\/trading\/deployments\/none: 404/],
  ])("what is wrong with %s", async (what, line) => {
    const { code, stderr } = await call(["explain", what], { api });
    expect(code).toBe(2);
    expect(stderr).toMatch(line);
  });
});
