import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { messageOf } from "../../common/errors.ts";
import { resources } from "../../common/kube/paths.ts";
import { hasStatus } from "../../common/kube/port.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import {
  create,
  eventually,
  get,
  kinds,
  must,
  namespace,
  patch,
  refusalOf,
  remove,
  startCluster,
  tryPod,
} from "./cluster.ts";
import type { Cluster, Json } from "./cluster.ts";
import {
  annotationsOf,
  asNode,
  ASK,
  conditionOf,
  GRANT,
  grant,
  mirrorOf,
  pod,
  profile,
  specOf,
} from "./objects.ts";
import type { PodOptions } from "./objects.ts";
import { startWebhook } from "./webhook.ts";
import type { Webhook } from "./webhook.ts";

const { pods, hookGrants, hookProfiles, runtimeClasses } = resources;

jest.setTimeout(30_000);

let cluster: Cluster;
let webhook: Webhook;
let api: KubeApi;

beforeAll(async () => {
  cluster = await startCluster("admission");
  ({ api } = cluster);
  webhook = await startWebhook(cluster);
  await webhook.ready();
  await namespace(api, "trading", "engine");
  await namespace(api, "granted");
  await create(api, hookGrants, grant("granted", "granted"));
  await expectInForce("granted", pod({ annotations: { [ASK]: "enabled" } }));
}, 600_000);

afterAll(async () => {
  await webhook.stop();
  await cluster.stop();
}, 60_000);

/** A pod in a namespace; deleted when the next one of that name comes. */
async function createPod(where: string, options: PodOptions = {}): Promise<Json> {
  await remove(api, pods, { namespace: where, name: options.name ?? "engine-0" });
  return create(api, pods, pod(options), { namespace: where });
}

function refused(where: string, options: PodOptions): Promise<string> {
  return refusalOf(createPod(where, options)).then((error) => {
    expect({ status: error.status, reason: error.reason }).toEqual({ status: 403, reason: "Forbidden" });
    return error.message.replace(/^.*denied the request: /, "");
  });
}

function annotate(
  where: string,
  annotations: Record<string, string | null>,
  subresource?: string,
): Promise<Json> {
  const at = { namespace: where, name: "engine-0", ...(subresource !== undefined && { subresource }) };
  return patch(api, pods, at, { body: { metadata: { annotations } } });
}

/** Waits until a pod like this is admitted there; the API contract allows 5 s. */
async function expectInForce(where: string, body: Json): Promise<void> {
  await eventually(
    `a pod to be admitted in ${where}`,
    () => tryPod(api, where, body).catch(() => undefined),
    5_000,
  );
}

/** The line with which pods that ask there are refused, at the latest 5 s after this moment. */
function expectEnded(where: string, at = new Date()): Promise<string> {
  return eventually(
    `pods to be refused in ${where}`,
    async () => {
      try {
        await createPod(where, { annotations: { [ASK]: "enabled" } });
        return undefined;
      } catch (error) {
        if (hasStatus(error, 403)) return messageOf(error);
        throw error;
      }
    },
    at.getTime() + 5_000 - Date.now(),
  );
}

test("the webhook's own calls do not wait behind those of controllers whose pods wait for it", async () => {
  const served = await must(cluster.lab, ["get", "--raw", "/metrics"]);
  const calls = served
    .split("\n")
    .filter((line) => line.startsWith("apiserver_flowcontrol_dispatched_requests_total{"))
    .filter((line) => line.includes('flow_schema="schedgate-webhook",priority_level="workload-high"'));
  expect(calls).toHaveLength(1);
});

describe("without a grant", () => {
  test("a pod that asks is refused with one line that says all", async () => {
    expect(
      await refused("trading", { annotations: { [ASK]: "enabled" }, serviceAccountName: "engine" }),
    ).toBe(
      "pod trading/engine-0: annotation schedgate.dev/cpu-isolation=enabled is protected by HookProfile cpu-isolation, " +
        "and no HookGrant covers service account trading/engine; a cluster admin can grant it: " +
        `echo '{"apiVersion":"schedgate.dev/v1alpha1","kind":"HookGrant","metadata":{"generateName":"trading-"},` +
        `"spec":{"profileName":"cpu-isolation","subjects":[{"namespace":"trading","serviceAccounts":["engine"]}]}}' ` +
        "| kubectl create -f -",
    );
  });

  test("the command in the refusal is the grant that helps", async () => {
    await namespace(api, "pasted");
    const line = await refused("pasted", { annotations: { [ASK]: "enabled" } });
    const written = /echo '(.*)' \|/.exec(line)?.[1] ?? "";
    await must(cluster.lab, ["create", "-f", "-"], written);
    await expectInForce("pasted", pod({ annotations: { [ASK]: "enabled" } }));
  });

  test("each decision is counted, by profile and reason too, and its time measured", async () => {
    const counts = (): Promise<number[]> =>
      Promise.all(
        [
          'requests_total{webhook="validate",operation="CREATE",decision="denied"}',
          'requests_total{webhook="mutate",operation="CREATE",decision="allowed"}',
          'findings_total{profile="cpu-isolation",reason="NotGranted"}',
          'findings_total{profile="cpu-isolation",reason="Granted"}',
          'duration_seconds_bucket{le="5",webhook="validate"}',
          'duration_seconds_count{webhook="validate"}',
          'duration_seconds_sum{webhook="validate"}',
        ].map((each) => webhook.metric(`schedgate_admission_${each}`)),
      );
    const before = await counts();
    await refused("trading", { runtimeClassName: "wrapper" });
    await createPod("granted", { runtimeClassName: "wrapper" });
    const more = (await counts()).map((each, i) => each - (before[i] ?? 0));
    expect(more).toEqual([1, 2, 1, 1, 2, 2, expect.any(Number)]);
    expect(more.at(-1)).toBeGreaterThan(0);
  });

  test("so is one that names the class by hand", async () => {
    expect(await refused("trading", { runtimeClassName: "wrapper" })).toContain(
      "runtimeClassName wrapper (handler wrapper) is protected by HookProfile cpu-isolation",
    );
  });

  test("and one that names another class with the same handler, made one moment before", async () => {
    const answers = [];
    for (const name of ["alias-1", "alias-2", "alias-3"]) {
      await create(api, runtimeClasses, { metadata: { name }, handler: "wrapper" });
      answers.push(await refused("trading", { runtimeClassName: name }));
    }
    expect(answers[2]).toContain("runtimeClassName alias-3 (handler wrapper) is protected");
  });

  test("every protected key counts, whatever its value", async () => {
    const annotations = { "cpu-load-balancing.crio.io": "x", "cpu-load-balancing.crio.io/main": "disable" };
    expect(await refused("trading", { annotations })).toContain(
      "annotation cpu-load-balancing.crio.io and annotation cpu-load-balancing.crio.io/main are protected",
    );
  });

  test("disabled asks for nothing", async () => {
    const made = await createPod("trading", { annotations: { [ASK]: "disabled" } });
    expect(specOf(made)["runtimeClassName"]).toBeUndefined();
  });

  test("a class whose handler is not protected is nobody's business", async () => {
    await create(api, runtimeClasses, { metadata: { name: "sandboxed" }, handler: "sandboxed" });
    const made = await createPod("trading", { runtimeClassName: "sandboxed" });
    expect(annotationsOf(made)[GRANT]).toBeUndefined();
  });

  test("a Deployment's pods are refused, and its events say why", async () => {
    const template = {
      metadata: { labels: { app: "d" }, annotations: { [ASK]: "enabled" } },
      spec: specOf(pod()),
    };
    const spec = { selector: { matchLabels: { app: "d" } }, template };
    await create(api, kinds.deployments, { metadata: { name: "d" }, spec }, { namespace: "trading" });
    const message = await eventually("the ReplicaSet to say why", async () => {
      const args = ["-n", "trading", "describe", "replicaset"];
      return /Error creating: .*/.exec(await must(cluster.lab, args))?.[0];
    });
    expect(message).toContain("pod trading/d-");
    expect(message).toContain("no HookGrant covers service account trading/default");
    // Its controller would try again and again, and be counted in what other tests count.
    await must(cluster.lab, ["-n", "trading", "delete", "deployment", "d", "--cascade=foreground", "--wait"]);
  });
});

describe("with a grant", () => {
  test("the class is injected, its scheduling filled in, and the grant noted", async () => {
    const made = await createPod("granted", { annotations: { [ASK]: "enabled" } });
    expect(specOf(made)).toMatchObject({
      runtimeClassName: "wrapper",
      nodeSelector: { "schedgate.dev/isolation": "ready" },
    });
    expect(annotationsOf(made)).toEqual({ [ASK]: "enabled", [GRANT]: "granted" });
  });

  test("a class named by hand stays, and the grant is noted", async () => {
    const made = await createPod("granted", { runtimeClassName: "wrapper" });
    expect(annotationsOf(made)).toEqual({ [GRANT]: "granted" });
  });

  test("another class that the pod names is not replaced, and refused where it cannot do what the pod asks", async () => {
    const body = { runtimeClassName: "sandboxed", annotations: { [ASK]: "enabled" } };
    const error = await refusalOf(createPod("granted", body));
    expect(error.status).toBe(403);
    expect(error.message).toContain("the pod asks but names RuntimeClass sandboxed (handler sandboxed)");
  });

  test("one container may ask alone, and a container's word wins", async () => {
    const containers = { a: { cpu: "1", memory: "8Mi" }, b: { cpu: "500m", memory: "8Mi" } };
    const made = await createPod("granted", {
      containers,
      annotations: { "cpu-isolation.schedgate.dev/a": "enabled" },
    });
    expect(specOf(made)["runtimeClassName"]).toBe("wrapper");
    const annotations = { [ASK]: "enabled", "cpu-isolation.schedgate.dev/a": "disabled" };
    expect(await refused("granted", { containers, annotations })).toContain(
      "HookProfile cpu-isolation: at least one container that asks must have whole CPUs of its own",
    );
  });

  test.each<[string, PodOptions, string]>([
    ["another value", { annotations: { [ASK]: "true" } }, 'must be "enabled" or "disabled", not "true"'],
    [
      "a container that is not there",
      { annotations: { "cpu-isolation.schedgate.dev/x": "enabled" } },
      "names a container that the pod does not have",
    ],
    [
      "every container disabled",
      { annotations: { [ASK]: "enabled", "cpu-isolation.schedgate.dev/main": "disabled" } },
      'is "enabled", but every container is "disabled"',
    ],
    [
      "a shared CPU",
      { annotations: { [ASK]: "enabled" }, containers: { main: { cpu: "1500m", memory: "8Mi" } } },
      "must have whole CPUs of its own",
    ],
  ])("%s is refused", async (_, options, reason) => {
    expect(await refused("granted", options)).toContain(reason);
  });

  test("a pod that is not Guaranteed is refused with what to do", async () => {
    const body = pod({ annotations: { [ASK]: "enabled" } });
    (specOf(body)["containers"] as Json[])[0] = {
      name: "main",
      image: "x",
      resources: { limits: { cpu: "2" } },
    };
    const error = await refusalOf(create(api, pods, body, { namespace: "granted" }));
    expect(error.message).toContain("give every container CPU and memory requests equal to its limits");
  });

  test("a pod that gives resources as a whole is judged by the class that this API server gives it", async () => {
    for (const resources of [{}, { limits: { cpu: "2", memory: "1Gi" } }]) {
      const sized = (annotations: Record<string, string>): Promise<Json> => {
        const body = pod({ annotations });
        Object.assign(specOf(body), { resources });
        return tryPod(api, "granted", body);
      };
      const { qosClass } = (await sized({}))["status"] as { qosClass: string };
      const said = await sized({ [ASK]: "enabled" }).then(() => "admitted", messageOf);
      expect(said).toContain(qosClass === "Guaranteed" ? "admitted" : "must be Guaranteed");
    }
  });

  test("it covers only the service accounts that it names", async () => {
    await namespace(api, "accounts", "engine");
    await create(
      api,
      hookGrants,
      grant("accounts", "accounts", { subjects: [{ namespace: "accounts", serviceAccounts: ["engine"] }] }),
    );
    await expectInForce("accounts", pod({ annotations: { [ASK]: "enabled" }, serviceAccountName: "engine" }));
    expect(await refused("accounts", { annotations: { [ASK]: "enabled" } })).toContain(
      "no HookGrant covers service account accounts/default",
    );
  });

  test("it ends within 5 s of its time, and of its deletion", async () => {
    await namespace(api, "ending");
    const ends = new Date(Date.now() + 8_000);
    await create(api, hookGrants, grant("ending", "ending", { notAfter: ends.toISOString() }));
    await expectInForce("ending", pod({ annotations: { [ASK]: "enabled" } }));
    const expired = await expectEnded("ending", ends);
    expect(Date.now()).toBeGreaterThanOrEqual(ends.getTime());
    expect(expired).toContain(
      `the HookGrant ending for service account ending/default expired at ${ends.toISOString()}`,
    );
    expect(expired).toContain("kubectl edit hookgrant ending");
    await patch(api, hookGrants, { name: "ending" }, { body: { spec: { notAfter: null } } });
    await expectInForce("ending", pod({ annotations: { [ASK]: "enabled" } }));
    await remove(api, hookGrants, { name: "ending" });
    expect(await expectEnded("ending")).toContain("no HookGrant covers service account ending/default");
  });

  test("a limit of 0 grants nothing", async () => {
    await namespace(api, "limited");
    await create(api, hookGrants, grant("limited", "limited", { limits: { pods: 0, isolatedCPUs: 4 } }));
    const read = (): Promise<Json> => get(api, hookGrants, { name: "limited" });
    const reason = (type: string) => async () => conditionOf(await read(), type)?.reason;
    expect(await eventually("the grant's Ready", reason("Ready"))).toBe("NoRoom");
    expect(await refused("limited", { annotations: { [ASK]: "enabled" } })).toContain(
      "has no room (pods: 0/0 used)",
    );
  });

  test("a class that does not exist is not injected, and the pod does not run as if it had it", async () => {
    const request = { annotation: "example.com/pinned", runtimeClassName: "missing" };
    await create(api, hookProfiles, profile("missing-class", { protects: {}, request }));
    await create(api, hookGrants, grant("missing-class", "granted", { profileName: "missing-class" }));
    const line = await eventually("the new profile and its grant", async () => {
      const error = await refusalOf(
        createPod("granted", { annotations: { "example.com/pinned": "enabled" } }),
      ).catch(() => undefined);
      return error?.message.includes("no HookGrant") === false ? error.message : undefined;
    });
    expect(line).toContain("the pod asks but has no RuntimeClass: missing does not exist");
    const condition = await eventually("the profile's Ready", async () =>
      conditionOf(await get(api, hookProfiles, { name: "missing-class" }), "Ready"),
    );
    expect(condition).toMatchObject({ status: "False", reason: "RuntimeClassMissing" });
    await remove(api, hookProfiles, { name: "missing-class" });
    await remove(api, hookGrants, { name: "missing-class" });
  });
});

describe("the grant annotation", () => {
  test("that a pod brings along is replaced by the truth, or removed", async () => {
    const made = await createPod("granted", { annotations: { [ASK]: "enabled", [GRANT]: "forged" } });
    expect(annotationsOf(made)[GRANT]).toBe("granted");
    expect(annotationsOf(await createPod("granted", { annotations: { [GRANT]: "forged" } }))).toEqual({});
  });

  test.each(["trading", "granted"])("can't be added, changed or removed later (%s)", async (where) => {
    await createPod(where, where === "granted" ? { annotations: { [ASK]: "enabled" } } : {});
    for (const value of where === "granted" ? ["forged", null] : ["forged", "granted"]) {
      const error = await refusalOf(annotate(where, { [GRANT]: value }));
      expect(error.message).toContain("annotation schedgate.dev/grant is written by schedgate alone");
    }
  });
});

describe("a running pod", () => {
  test("can't begin to ask without a grant, also not by way of its status", async () => {
    await createPod("trading");
    for (const subresource of [undefined, "status"]) {
      const error = await refusalOf(annotate("trading", { [ASK]: "enabled" }, subresource));
      expect(error.message).toContain("annotation schedgate.dev/cpu-isolation=enabled is protected");
    }
  });

  test("may begin with one, and the grant is noted", async () => {
    await createPod("granted");
    const changed = await annotate("granted", { [ASK]: "enabled" });
    expect(annotationsOf(changed)).toEqual({ [ASK]: "enabled", [GRANT]: "granted" });
  });

  test("may always stop asking, be labelled, finalized and deleted, also when its grant is gone", async () => {
    await namespace(api, "leaving");
    await create(api, hookGrants, grant("leaving", "leaving"));
    await expectInForce("leaving", pod({ annotations: { [ASK]: "enabled" } }));
    const annotations = { [ASK]: "enabled", "cpu-load-balancing.crio.io": "disable" };
    await createPod("leaving", { annotations, finalizers: ["example.com/wait"] });
    await remove(api, hookGrants, { name: "leaving" });
    const at = { namespace: "leaving", name: "engine-0" };
    await patch(api, pods, at, { body: { metadata: { labels: { a: "b" } } } });
    await annotate("leaving", { "example.com/other": "x" });
    await annotate("leaving", { "cpu-load-balancing.crio.io": null });
    await annotate("leaving", { [ASK]: "disabled" });
    const stopped = await annotate("leaving", { [ASK]: null });
    expect(annotationsOf(stopped)).toEqual({ "example.com/other": "x", [GRANT]: "leaving" });
    await remove(api, pods, at);
    await patch(api, pods, at, { body: { metadata: { finalizers: null } } });
    await expect(get(api, pods, at)).rejects.toThrow("404");
  });
});

describe("enforcement", () => {
  test.each(["Warn", "Audit"])(
    "%s admits: with the line as a warning, or in silence; neither injects",
    async (enforcement) => {
      const name = enforcement.toLowerCase();
      const request = { annotation: `example.com/${name}`, runtimeClassName: "sandboxed" };
      await create(api, hookProfiles, profile(name, { protects: {}, request, enforcement }));
      const body = pod({ name, annotations: { [request.annotation]: "enabled" } });
      const manifest = JSON.stringify({ apiVersion: "v1", kind: "Pod", ...body });
      const line = `pod trading/${name}: annotation example.com/${name}=enabled is protected by HookProfile ${name}`;
      const { stdout, stderr } = await eventually(`the profile ${name}`, async () => {
        const made = await cluster.lab.kubectl(
          ["-n", "trading", "create", "--dry-run=server", "-o", "json", "-f", "-"],
          manifest,
        );
        const noted = webhook.log().some((each) => String(each["reason"]).startsWith(line));
        // A warning that does not come in 2 s is left out by the API server.
        const told = enforcement === "Audit" || made.stderr.includes(line);
        return noted && told ? made : undefined;
      });
      expect(specOf(JSON.parse(stdout) as Json)["runtimeClassName"]).toBeUndefined();
      expect(stderr.includes(`Warning: ${line}`)).toBe(enforcement === "Warn");
      await remove(api, hookProfiles, { name });
    },
  );

  test("what two profiles protect needs a grant for each", async () => {
    await create(api, hookProfiles, profile("second", { protects: { runtimeHandlers: ["wrapper"] } }));
    await namespace(api, "twofold");
    await create(api, hookGrants, grant("twofold-a", "twofold"));
    const line = await eventually("the second profile", async () => {
      const text = await refused("twofold", {
        annotations: { [ASK]: "enabled" },
        runtimeClassName: "wrapper",
      });
      return text.includes("HookProfile second") && !text.includes("HookProfile cpu-isolation")
        ? text
        : undefined;
    });
    expect(line).toContain(
      "is protected by HookProfile second, and no HookGrant covers service account twofold/default",
    );
    await create(api, hookGrants, grant("twofold-b", "twofold", { profileName: "second" }));
    await expectInForce("twofold", pod({ annotations: { [ASK]: "enabled" } }));
    const made = await createPod("twofold", { annotations: { [ASK]: "enabled" } });
    expect(annotationsOf(made)[GRANT]).toBe("twofold-a,twofold-b");
    await remove(api, hookProfiles, { name: "second" });
  });
});

describe("a node", () => {
  beforeAll(async () => {
    await create(api, resources.nodes, { metadata: { name: "n1" } });
  });

  test("writes the status of its pods, and never a protected annotation, grant or not", async () => {
    const body = pod({ name: "bound" });
    await create(api, pods, { ...body, spec: { ...specOf(body), nodeName: "n1" } }, { namespace: "granted" });
    const write = async (annotations: Record<string, string>): Promise<string> => {
      const bound = await get(api, pods, { namespace: "granted", name: "bound" });
      Object.assign(bound["metadata"] as Json, { annotations });
      const path = "/api/v1/namespaces/granted/pods/bound/status";
      const args = ["replace", "--raw", path, "-f", "-", ...asNode("n1")];
      return (await cluster.lab.kubectl(args, JSON.stringify({ ...bound, status: { phase: "Running" } })))
        .stderr;
    };
    const before = await webhook.requests();
    expect(await write({ "example.com/other": "x" })).toBe("");
    expect(await webhook.requests()).toBe(before);
    expect(await write({ [ASK]: "enabled" })).toContain(
      "pod granted/bound: a node may not write what HookProfile cpu-isolation protects",
    );
  });

  test("mirrors a static pod untouched; a user with the same annotation is judged", async () => {
    const { uid } = (await get(api, resources.nodes, { name: "n1" }))["metadata"] as { uid: string };
    const annotations = { [ASK]: "enabled" };
    const body = pod({ name: "mirror-n1", annotations, runtimeClassName: "wrapper" });
    Object.assign(body["metadata"] as Json, { namespace: "trading" });
    Object.assign(specOf(body), { nodeSelector: { "schedgate.dev/isolation": "ready" } });
    const mirror = mirrorOf(body, { name: "n1", uid });
    const byUser = await cluster.lab.kubectl(["create", "-f", "-"], JSON.stringify(mirror));
    expect(byUser.stderr).toContain("no HookGrant covers service account trading/default");
    await must(cluster.lab, ["create", "-f", "-", ...asNode("n1")], JSON.stringify(mirror));
    const made = await get(api, pods, { namespace: "trading", name: "mirror-n1" });
    expect(annotationsOf(made)).toMatchObject(annotations);
    expect(annotationsOf(made)[GRANT]).toBeUndefined();
  });
});
