import { describe, expect, test } from "@jest/globals";
import { silentLogger } from "../../common/log.ts";
import { cpuIsolation, grantOf, now, rulesOf } from "../policy/testing.ts";
import type { Rules } from "../policy/decide.ts";
import { admit } from "./admit.ts";
import type { AdmissionDeps, Webhook } from "./admit.ts";
import { complaints } from "./conformance.ts";
import type { AdmissionRequest } from "./review.ts";

// Every write path but the pod's own (admit.test.ts).
const ASK = "schedgate.dev/cpu-isolation";
const GRANT = "schedgate.dev/grant";
const granted = rulesOf([cpuIsolation], [grantOf("trading")]);
const ungranted = rulesOf([cpuIsolation]);
const asking = { [ASK]: "enabled" };

function pod(annotations: Record<string, string> = {}, spec: object = {}, cpu = "2"): object {
  const resources = { limits: { cpu, memory: "1Gi" } };
  return {
    metadata: { name: "p", uid: "pod-uid", annotations },
    spec: { serviceAccountName: "engine", containers: [{ name: "main", resources }], ...spec },
  };
}

interface Call {
  webhook?: Webhook;
  rules?: Rules;
  live?: object;
  room?: AdmissionDeps["room"];
  handlerOf?: () => Promise<string | undefined>;
}

interface Answered {
  allowed: boolean;
  message: string;
  warnings: string[];
  patch: { op: string; path: string; value?: unknown }[];
}

async function ask(
  request: Partial<AdmissionRequest> & { kind: AdmissionRequest["kind"] },
  call: Call,
): Promise<Answered> {
  const { webhook = "validate", rules = ungranted, live } = call;
  const handlerOf = call.handlerOf ?? (() => Promise.resolve("wrapper"));
  const full: AdmissionRequest = {
    uid: "u",
    resource: { group: request.kind.group, version: "v1", resource: "pods" },
    namespace: "trading",
    operation: "CREATE",
    userInfo: { username: "someone", groups: [] },
    ...request,
  };
  const review = await admit(webhook, full, {
    rules: () => rules,
    cluster: { handlerOf, livePod: () => Promise.resolve(live) },
    room: call.room ?? { reserve: () => Promise.resolve(undefined), release: () => undefined },
    clock: { now: () => now, sleep: () => Promise.resolve() },
    log: silentLogger,
    count: () => undefined,
  });
  expect(complaints("u", webhook === "mutate", review)).toEqual([]);
  const { response } = review as {
    response: { allowed: boolean; status?: { message: string }; warnings?: string[]; patch?: string };
  };
  const { allowed, status, warnings = [], patch = "W10=" } = response;
  const steps = JSON.parse(Buffer.from(patch, "base64").toString("utf8")) as Answered["patch"];
  return { allowed, message: status?.message ?? "", warnings, patch: steps };
}

function bind(annotations: object | undefined, call: Call & { uid?: string } = {}): Promise<Answered> {
  const metadata = {
    name: "p",
    ...(annotations && { annotations }),
    ...(call.uid !== undefined && { uid: call.uid }),
  };
  const object = { metadata, target: { name: "n1" } };
  const kind = { group: "", version: "v1", kind: "Binding" };
  return ask({ kind, subResource: "binding", object }, { live: pod(), ...call });
}

describe("a Binding", () => {
  test("is judged as its pod would be", async () => {
    expect((await bind(asking)).message).toContain(
      "pod trading/p: annotation schedgate.dev/cpu-isolation=enabled",
    );
    expect((await bind({ a: "b" })).allowed).toBe(true);
    expect((await bind(undefined)).allowed).toBe(true);
    expect((await bind(asking, { live: pod(asking) })).allowed).toBe(true);
  });

  test("of a granted pod gets the grant, and the uid of the pod that was judged", async () => {
    const { patch } = await bind(asking, { webhook: "mutate", rules: granted });
    expect(patch).toEqual([
      { op: "add", path: "/metadata/annotations/schedgate.dev~1grant", value: "trading" },
      { op: "add", path: "/metadata/uid", value: "pod-uid" },
    ]);
    const whole = { ...asking, [GRANT]: "trading" };
    expect((await bind(whole, { rules: granted, uid: "pod-uid" })).allowed).toBe(true);
    expect((await bind(whole, { rules: granted })).message).toContain("must name the pod's uid, pod-uid");
    expect((await bind(whole, { rules: granted, uid: "other" })).allowed).toBe(false);
  });

  test("can't leave a pod's grant on another pod of that name", async () => {
    const live = { rules: granted, live: pod({ ...asking, [GRANT]: "trading" }) };
    expect((await bind({ [GRANT]: "trading" }, live)).message).toContain("must name the pod's uid, pod-uid");
    expect((await bind({ [GRANT]: "trading" }, { ...live, uid: "pod-uid" })).allowed).toBe(true);
  });

  test("can't forge the grant annotation", async () => {
    expect((await bind({ [GRANT]: "trading" }, { rules: granted, uid: "pod-uid" })).message).toContain(
      "is written by schedgate alone",
    );
    const { patch } = await bind({ [GRANT]: "trading" }, { webhook: "mutate", rules: granted });
    expect(patch.map(({ path }) => path)).toEqual(["/metadata/uid"]);
  });

  test("of a pod that is not there, or that is no Binding, is refused", async () => {
    const kind = { group: "", version: "v1", kind: "Binding" };
    const gone = { kind, subResource: "binding", object: { metadata: { name: "q" } } };
    expect((await ask(gone, {})).message).toContain("there is no pod trading/q to bind");
    expect((await ask({ ...gone, object: {} }, {})).message).toContain("not a Binding");
  });
});

function update(subResource: string, after: object, before: object, call: Call = {}): Promise<Answered> {
  const kind = { group: "", version: "v1", kind: "Pod" };
  return ask({ kind, subResource, operation: "UPDATE", object: after, oldObject: before }, call);
}

describe("a resize", () => {
  const running = pod(asking, { runtimeClassName: "wrapper" });
  const resized = (cpu: string): object => pod(asking, { runtimeClassName: "wrapper" }, cpu);

  test("of a pod without right is refused, with one it is allowed", async () => {
    expect((await update("resize", resized("3"), running)).message).toContain(
      "no HookGrant covers service account",
    );
    expect((await update("resize", resized("3"), running, { rules: granted })).allowed).toBe(true);
    expect((await update("resize", pod({}, {}, "3"), pod())).allowed).toBe(true);
  });

  test("may not take away what the pod must have to ask, unless it never had it", async () => {
    const broken = await update("resize", resized("1500m"), running, { rules: granted });
    expect(broken.message).toContain("must have whole CPUs of its own");
    expect((await update("resize", resized("1200m"), resized("1500m"), { rules: granted })).allowed).toBe(
      true,
    );
  });

  test("takes the room that it needs more of, and is refused where there is none", async () => {
    const taken: string[] = [];
    const room: AdmissionDeps["room"] = {
      reserve: ({ grant, isolatedCPUs }) => {
        taken.push(`${grant}:${String(isolatedCPUs)}`);
        return Promise.resolve(
          isolatedCPUs > 3
            ? { grant, limit: "isolatedCPUs", used: 0, max: 3, takes: isolatedCPUs }
            : undefined,
        );
      },
      release: () => undefined,
    };
    const named = { ...asking, "schedgate.dev/grant": "limited" };
    const of = (cpu: string): object => pod(named, { runtimeClassName: "wrapper" }, cpu);
    const rules = rulesOf([cpuIsolation], [grantOf("limited", { limits: { isolatedCPUs: 8 } })]);
    expect((await update("resize", of("3"), of("2"), { rules, room })).allowed).toBe(true);
    const { message } = await update("resize", of("4"), of("2"), { rules, room });
    expect(message).toContain("the HookGrant limited for service account trading/engine has no room");
    expect(taken).toEqual(["limited:3", "limited:4"]);
  });

  test("takes no more CPUs of a grant with limits that does not count the pod", async () => {
    const limited = grantOf("limited", { limits: { isolatedCPUs: 8 } });
    const rules = rulesOf([cpuIsolation], [limited]);
    const of = (cpu: string): object =>
      pod({ ...asking, "schedgate.dev/grant": "deleted" }, { runtimeClassName: "wrapper" }, cpu);
    const { message } = await update("resize", of("3"), of("2"), { rules });
    expect(message).toContain("can take no more CPUs of HookGrant limited, which did not admit it");
    expect((await update("resize", of("2"), of("3"), { rules })).allowed).toBe(true);
    const both = rulesOf([cpuIsolation], [limited, grantOf("open")]);
    expect((await update("resize", of("3"), of("2"), { rules: both })).allowed).toBe(true);
  });

  test("of a pod whose class is gone is refused: nobody knows what it is", async () => {
    const { message } = await update("resize", resized("3"), running, {
      handlerOf: () => Promise.resolve(undefined),
    });
    expect(message).toContain("RuntimeClass wrapper does not exist");
  });
});

describe("ephemeral containers", () => {
  const running = pod({}, { runtimeClassName: "wrapper" });

  test("in a pod without right are allowed, with a warning; with right, without", async () => {
    const { allowed, warnings } = await update("ephemeralcontainers", running, running);
    expect(allowed).toBe(true);
    expect(warnings).toEqual([
      expect.stringContaining("runtimeClassName wrapper (handler wrapper) is protected"),
    ]);
    expect((await update("ephemeralcontainers", running, running, { rules: granted })).warnings).toEqual([]);
  });

  test("are allowed where that can't be judged", async () => {
    const handlerOf = () => Promise.reject(new Error("no answer"));
    const { allowed, warnings } = await update("ephemeralcontainers", running, running, { handlerOf });
    expect({ allowed, warnings }).toEqual({
      allowed: true,
      warnings: ["schedgate could not judge this: no answer"],
    });
  });
});

const KINDS = [
  ["", "ReplicationController", "replicationcontrollers"],
  ["apps", "Deployment", "deployments"],
  ["apps", "ReplicaSet", "replicasets"],
  ["apps", "StatefulSet", "statefulsets"],
  ["apps", "DaemonSet", "daemonsets"],
  ["batch", "Job", "jobs"],
  ["batch", "CronJob", "cronjobs"],
] as const;

describe.each(KINDS)("%s/%s", (group, kind, resource) => {
  const workload = (annotations: object): object => {
    const template = { ...pod(), metadata: { annotations } };
    const spec = kind === "CronJob" ? { jobTemplate: { spec: { template } } } : { template };
    return { metadata: { name: "engine" }, spec };
  };
  const write = (object: object, call: Call = {}): Promise<Answered> =>
    ask({ kind: { group, version: "v1", kind }, resource: { group, version: "v1", resource }, object }, call);

  test("is allowed, with the line that its pods would get", async () => {
    const { allowed, warnings } = await write(workload(asking));
    expect(allowed).toBe(true);
    expect(warnings).toEqual([
      expect.stringMatching(
        new RegExp(
          `^${kind} trading/engine: its pods will be refused: pod trading/engine-\\*: annotation ${ASK}=enabled is`,
        ),
      ),
    ]);
  });

  test("with a grant, or with nothing protected, gives no warning", async () => {
    expect((await write(workload(asking), { rules: granted })).warnings).toEqual([]);
    expect((await write(workload({}))).warnings).toEqual([]);
  });

  test("is allowed where it has no template that can be read", async () => {
    const { allowed, warnings } = await write({ metadata: { name: "engine" }, spec: {} });
    expect(allowed).toBe(true);
    expect(warnings).toEqual([expect.stringContaining("not a workload with a pod template")]);
  });
});

test("a workload under Warn says that its pods will be warned", async () => {
  const profile = { ...cpuIsolation, spec: { ...cpuIsolation.spec, enforcement: "Warn" as const } };
  const object = {
    metadata: { generateName: "engine-" },
    spec: { template: { ...pod(), metadata: { annotations: asking } } },
  };
  const job = {
    kind: { group: "batch", version: "v1", kind: "Job" },
    resource: { group: "batch", version: "v1", resource: "jobs" },
    object,
  };
  const { warnings } = await ask(job, { rules: rulesOf([profile]) });
  expect(warnings).toEqual([
    expect.stringContaining("Job trading/engine-*: its pods will be warned: pod trading/engine-"),
  ]);
});

describe("a RuntimeClass", () => {
  const kind = { group: "node.k8s.io", version: "v1", kind: "RuntimeClass" };
  const write = (handler: unknown): Promise<Answered> =>
    ask(
      {
        kind,
        resource: { group: "node.k8s.io", version: "v1", resource: "runtimeclasses" },
        namespace: "",
        object: { metadata: { name: "alias" }, handler },
      },
      {},
    );

  test("is allowed, with a warning where its handler is protected", async () => {
    const { allowed, warnings } = await write("wrapper");
    expect(allowed).toBe(true);
    expect(warnings).toEqual([
      "RuntimeClass alias: its handler wrapper is protected by HookProfile cpu-isolation: pods that name this class need a HookGrant",
    ]);
    expect((await write("other")).warnings).toEqual([]);
    expect((await write(1)).allowed).toBe(true);
  });
});

describe("what no rule of ours names is refused", () => {
  const podKind = { group: "", version: "v1", kind: "Pod" };
  const pods = { group: "", version: "v1", resource: "pods" };
  test.each<[string, Partial<AdmissionRequest> & { kind: AdmissionRequest["kind"] }]>([
    ["another operation", { kind: podKind, operation: "DELETE", oldObject: pod() }],
    ["CONNECT", { kind: podKind, operation: "CONNECT", subResource: "exec" }],
    ["another subresource", { kind: podKind, subResource: "eviction", object: pod() }],
    ["a create of the status", { kind: podKind, subResource: "status", object: pod() }],
    ["another kind", { kind: { ...podKind, kind: "PodTemplate" }, object: pod() }],
    [
      "another version",
      { kind: { ...podKind, version: "v2" }, resource: { ...pods, version: "v2" }, object: pod() },
    ],
    [
      "a version that its kind is not of",
      { kind: podKind, resource: { ...pods, version: "v2" }, object: pod() },
    ],
    ["another group", { kind: { ...podKind, group: "x" }, resource: { ...pods, group: "x" }, object: pod() }],
    ["a pod without a namespace", { kind: podKind, namespace: "", object: pod() }],
    [
      "a name that every object has",
      { kind: podKind, resource: { ...pods, resource: "constructor" }, object: pod() },
    ],
  ])("%s", async (_, request) => {
    for (const webhook of ["mutate", "validate"] as const) {
      const { allowed, message } = await ask(request, { webhook, rules: granted });
      expect({ allowed, message }).toEqual({
        allowed: false,
        message: expect.stringContaining("schedgate does not judge"),
      });
    }
  });

  test("a resize at the mutating webhook", async () => {
    const call = { webhook: "mutate" as const, rules: granted };
    expect((await update("resize", pod(), pod(), call)).allowed).toBe(false);
  });
});
