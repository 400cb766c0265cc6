import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import jsonpatch from "fast-json-patch";
import type { HookGrant } from "../../common/api/hookgrant.ts";
import { readPod } from "../../common/api/pod.ts";
import { messageOf, SchedgateError } from "../../common/errors.ts";
import { KubeApiError } from "../../common/kube/port.ts";
import { silentLogger } from "../../common/log.ts";
import { cpuIsolation, grantOf, now, profileOf, rulesOf } from "../policy/testing.ts";
import type { Rules } from "../policy/decide.ts";
import { admit } from "./admit.ts";
import type { AdmissionDeps, Webhook } from "./admit.ts";
import { complaints } from "./conformance.ts";
import { readReview } from "./review.ts";
import type { AdmissionRequest } from "./review.ts";
import { podCreate } from "./testing.ts";

const ASK = "schedgate.dev/cpu-isolation";
const GRANT = "schedgate.dev/grant";
/** A cluster without classes and pods. */
const nothing = { handlerOf: () => Promise.resolve(undefined), livePod: () => Promise.resolve(undefined) };
const classes: Record<string, string> = { wrapper: "wrapper", alias: "wrapper", other: "other" };

interface RawPod {
  metadata: { name?: string; generateName?: string; annotations?: Record<string, string> | null };
  spec: Record<string, unknown>;
}

function rawPod(annotations?: Record<string, string>, spec: Record<string, unknown> = {}): RawPod {
  const resources = { limits: { cpu: "2", memory: "1Gi" } };
  return {
    metadata: { name: "p", ...(annotations && { annotations }) },
    spec: { serviceAccountName: "engine", containers: [{ name: "main", resources }], ...spec },
  };
}

function request(object: unknown, more: Partial<AdmissionRequest> = {}): AdmissionRequest {
  return podCreate(object, { oldObject: null, ...more });
}

interface Outcome {
  allowed: boolean;
  status?: { code: number; reason: string; message: string; details?: { retryAfterSeconds: number } };
  warnings?: string[];
  auditAnnotations?: Record<string, string>;
  patch: jsonpatch.Operation[];
  counted: string[];
}

function deps(rules: Rules, counted: string[], more: Partial<AdmissionDeps> = {}): AdmissionDeps {
  return {
    rules: () => rules,
    cluster: { ...nothing, handlerOf: (name) => Promise.resolve(classes[name]) },
    room: { reserve: () => Promise.resolve(undefined), release: () => undefined },
    clock: { now: () => now, sleep: () => Promise.resolve() },
    log: silentLogger,
    count: (...[at, operation, decision]) => counted.push([at, operation, decision].join(" ")),
    ...more,
  };
}

async function ask(
  webhook: Webhook,
  call: AdmissionRequest,
  rules: Rules,
  more?: Partial<AdmissionDeps>,
): Promise<Outcome> {
  const counted: string[] = [];
  const review = await admit(webhook, call, deps(rules, counted, more));
  expect(complaints(call.uid, webhook === "mutate", review)).toEqual([]);
  const { response } = review as { response: Omit<Outcome, "patch" | "counted"> & { patch?: string } };
  const patch = JSON.parse(
    Buffer.from(response.patch ?? "W10=", "base64").toString("utf8"),
  ) as jsonpatch.Operation[];
  return { ...response, patch, counted };
}

const granted = rulesOf([cpuIsolation], [grantOf("trading")]);
const ungranted = rulesOf([cpuIsolation]);

/** The pod after the mutating webhook, which must be content with its own work. */
async function mutated(pod: RawPod, rules: Rules, more: Partial<AdmissionRequest> = {}): Promise<RawPod> {
  const { patch } = await ask("mutate", request(pod, more), rules);
  const changed = jsonpatch.applyPatch(structuredClone(pod), patch, true).newDocument;
  expect((await ask("mutate", request(changed, more), rules)).patch).toEqual([]);
  return changed;
}

describe("the mutating webhook", () => {
  test("gives a granted pod its class and names the grant", async () => {
    const pod = await mutated(rawPod({ [ASK]: "enabled" }), granted);
    expect(pod.spec["runtimeClassName"]).toBe("wrapper");
    expect(pod.metadata.annotations).toEqual({ [ASK]: "enabled", [GRANT]: "trading" });
  });

  test.each<[string, RawPod, Rules]>([
    ["nobody granted", rawPod({ [ASK]: "enabled" }), ungranted],
    ["does not ask", rawPod({ [ASK]: "disabled" }), granted],
    [
      "asks by a class that does not exist",
      rawPod({ [ASK]: "enabled" }),
      rulesOf(
        [
          {
            ...cpuIsolation,
            spec: { ...cpuIsolation.spec, request: { annotation: ASK, runtimeClassName: "gone" } },
          },
        ],
        [grantOf("trading")],
      ),
    ],
    [
      "would get a class that another profile protects",
      rawPod({ [ASK]: "enabled" }),
      rulesOf(
        [cpuIsolation, profileOf("b", { protects: { runtimeHandlers: ["wrapper"] }, enforcement: "Audit" })],
        [grantOf("trading")],
      ),
    ],
  ])("gives no class to a pod that %s", async (_, pod, rules) => {
    expect((await mutated(pod, rules)).spec["runtimeClassName"]).toBeUndefined();
  });

  test("leaves a class that the pod names", async () => {
    const pod = await mutated(rawPod({ [ASK]: "enabled" }, { runtimeClassName: "other" }), granted);
    expect(pod.spec["runtimeClassName"]).toBe("other");
    expect(pod.metadata.annotations?.[GRANT]).toBe("trading");
  });

  test("takes an empty class for none, as the API server does", async () => {
    expect(
      (await mutated(rawPod({ [ASK]: "enabled" }, { runtimeClassName: "" }), granted)).spec[
        "runtimeClassName"
      ],
    ).toBe("wrapper");
  });

  test("makes a missing map of annotations, and only then", async () => {
    const pod = await mutated(rawPod(undefined, { runtimeClassName: "wrapper" }), granted);
    expect(pod.metadata.annotations).toEqual({ [GRANT]: "trading" });
    const { patch } = await ask(
      "mutate",
      request(rawPod({ a: "b" }, { runtimeClassName: "wrapper" })),
      granted,
    );
    expect(patch).toEqual([
      { op: "add", path: "/metadata/annotations/schedgate.dev~1grant", value: "trading" },
    ]);
  });

  test("removes what was forged, and on update leaves that to the validating webhook", async () => {
    expect((await mutated(rawPod({ [GRANT]: "x" }), granted)).metadata.annotations).toEqual({});
    const update = { operation: "UPDATE", oldObject: rawPod() } as const;
    expect((await ask("mutate", request(rawPod({ [GRANT]: "x" }), update), granted)).patch).toEqual([]);
  });

  test("names the grant when a running pod begins to ask", async () => {
    const pod = await mutated(rawPod({ [ASK]: "enabled" }), granted, {
      operation: "UPDATE",
      oldObject: rawPod(),
    });
    expect(pod.metadata.annotations?.[GRANT]).toBe("trading");
    expect(pod.spec["runtimeClassName"]).toBeUndefined();
  });
});

/** The grant annotation names only grants that there are. */
function expectHonest({ metadata }: RawPod, held: readonly HookGrant[]): void {
  const names = (metadata.annotations?.[GRANT] ?? "").split(",").filter((each) => each !== "");
  expect(held.map((each) => each.metadata.name)).toEqual(expect.arrayContaining(names));
}

describe("both webhooks together", () => {
  const annotations = fc.dictionary(
    fc.constantFrom(
      ASK,
      GRANT,
      "cpu-isolation.schedgate.dev/main",
      "cpu-load-balancing.crio.io",
      "a~b/c",
      "plain",
    ),
    fc.constantFrom("enabled", "disabled", "x", ""),
  );
  const spec = fc.constantFrom(
    {},
    { runtimeClassName: "wrapper" },
    { runtimeClassName: "alias" },
    { runtimeClassName: "other" },
  );
  const pods = fc
    .tuple(fc.option(annotations, { nil: undefined }), spec)
    .map(([map, rest]) => rawPod(map, rest));
  const grants = fc.subarray([grantOf("a"), grantOf("b"), grantOf("c", { profileName: "second" })]);
  const second = profileOf("second", {
    protects: { runtimeHandlers: ["wrapper"], annotations: ["a*/*"] },
    enforcement: "Warn",
  });

  test("never quarrel about the grant annotation, and never give what is not granted", async () => {
    await fc.assert(
      fc.asyncProperty(pods, grants, fc.option(pods, { nil: undefined }), async (pod, held, before) => {
        const rules = rulesOf([cpuIsolation, second], held);
        const old = before && { ...before, spec: pod.spec };
        const more: Partial<AdmissionRequest> =
          old === undefined ? {} : { operation: "UPDATE", oldObject: old };
        const changed = await mutated(pod, rules, more);
        const { status } = await ask("validate", request(changed, more), rules);
        if (old === undefined || pod.metadata.annotations?.[GRANT] === old.metadata.annotations?.[GRANT]) {
          expect(status?.message ?? "").not.toContain(GRANT);
        }
        if (old === undefined) expectHonest(changed, held);
        if (changed.spec["runtimeClassName"] !== pod.spec["runtimeClassName"]) {
          expect(new Set(held.map((each) => each.spec.profileName)).size).toBe(2);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("the validating webhook", () => {
  test("refuses with 403 Forbidden and counts", async () => {
    const outcome = await ask("validate", request(rawPod({ [ASK]: "enabled" })), ungranted);
    expect(outcome).toMatchObject({ allowed: false, status: { code: 403, reason: "Forbidden" } });
    expect(outcome.status?.message).toMatch(/^pod trading\/p: annotation/);
    expect(outcome.auditAnnotations).toMatchObject({
      profiles: "cpu-isolation",
      violation: outcome.status?.message,
    });
    expect(outcome.counted).toEqual(["validate CREATE denied"]);
  });

  test("names a pod by what its name will begin with", async () => {
    const pod = rawPod({ [ASK]: "enabled" });
    pod.metadata = { generateName: "engine-", annotations: { [ASK]: "enabled" } };
    const { status } = await ask("validate", request(pod), ungranted);
    expect(status?.message).toMatch(/^pod trading\/engine-\*: /);
  });

  test.each(["Warn", "Audit"] as const)(
    "under %s admits, and says it where that shows",
    async (enforcement) => {
      const rules = rulesOf([{ ...cpuIsolation, spec: { ...cpuIsolation.spec, enforcement } }]);
      const outcome = await ask("validate", request(rawPod({ [ASK]: "enabled" })), rules);
      expect(outcome.allowed).toBe(true);
      expect(outcome.warnings?.length ?? 0).toBe(enforcement === "Warn" ? 1 : 0);
      expect(outcome.auditAnnotations?.["violation"]).toContain("no HookGrant");
      expect(outcome.counted).toEqual([`validate CREATE ${enforcement === "Warn" ? "warned" : "audited"}`]);
    },
  );

  test.each(["Enforce", "Warn", "Audit"] as const)(
    "under %s judges what another webhook added after ours by that enforcement",
    async (enforcement) => {
      const spec = { ...cpuIsolation.spec, enforcement };
      const rules = rulesOf([{ ...cpuIsolation, spec }], [grantOf("trading")]);
      const late = rawPod({ "cpu-load-balancing.crio.io": "disable" });
      const { allowed, warnings, auditAnnotations } = await ask("validate", request(late), rules);
      expect(allowed).toBe(enforcement !== "Enforce");
      expect(warnings?.length ?? 0).toBe(enforcement === "Warn" ? 1 : 0);
      expect(auditAnnotations?.["violation"]).toContain(
        "another webhook added annotation cpu-load-balancing.crio.io after schedgate saw the pod: put it in the pod template",
      );
    },
  );

  test.each([
    ["other", false],
    ["alias", true],
  ])("lets a granted pod that asks name the class %s: %s", async (runtimeClassName, allowed) => {
    const pod = await mutated(rawPod({ [ASK]: "enabled" }, { runtimeClassName }), granted);
    const outcome = await ask("validate", request(pod), granted);
    expect(outcome.allowed).toBe(allowed);
    if (!allowed) {
      expect(outcome.status?.message).toContain(
        "the pod asks but names RuntimeClass other (handler other), which cannot do what it asks for: name wrapper, or none",
      );
    }
  });

  test("judges the namespace of the request, not the one that the object claims", async () => {
    const pod = rawPod({ [ASK]: "enabled" }, { runtimeClassName: "wrapper" });
    Object.assign(pod.metadata, {
      namespace: "trading",
      annotations: { [ASK]: "enabled", [GRANT]: "trading" },
    });
    const { allowed } = await ask("validate", request(pod, { namespace: "evil" }), granted);
    expect(allowed).toBe(false);
  });

  test("lets a node mirror its static pod, and nobody else", async () => {
    const pod = rawPod({ [ASK]: "enabled", "kubernetes.io/config.mirror": "x" }, { nodeName: "a" });
    const by = (username: string) => ({ userInfo: { username, groups: ["system:nodes"] } });
    const node = by("system:node:a");
    expect((await ask("validate", request(pod, node), ungranted)).allowed).toBe(true);
    expect((await ask("mutate", request(pod, node), granted)).patch).toEqual([]);
    expect((await ask("validate", request(pod), ungranted)).allowed).toBe(false);
    expect((await ask("validate", request(pod, by("system:node:b")), granted)).allowed).toBe(false);
    const named = { userInfo: { username: "system:node:a", groups: ["system:authenticated"] } };
    expect((await ask("validate", request(pod, named), ungranted)).allowed).toBe(false);
    expect(
      (await ask("validate", request(rawPod(pod.metadata.annotations ?? {}), node), granted)).allowed,
    ).toBe(false);
  });

  test("lets no node write what is protected, whatever is granted", async () => {
    const change = { operation: "UPDATE", subResource: "status", oldObject: rawPod() } as const;
    const node = { userInfo: { username: "system:node:a", groups: ["system:nodes"] } };
    const after = rawPod({ [ASK]: "enabled", [GRANT]: "trading" });
    expect(
      (await ask("validate", request(after, { ...change, ...node }), granted)).status?.message,
    ).toContain("a node may not write");
    expect((await ask("validate", request(after, change), granted)).allowed).toBe(true);
  });
});

describe("in doubt it refuses", () => {
  const failing = (error: Error): Partial<AdmissionDeps> => ({
    cluster: { ...nothing, handlerOf: () => Promise.reject(error) },
  });
  const unreachable = new KubeApiError(
    { method: "GET", path: "/x" },
    { status: 0, reason: "", message: "refused" },
  );
  const plain = request(rawPod(undefined, { runtimeClassName: "unknown" }));

  test.each<[string, AdmissionRequest, Partial<AdmissionDeps>, number, string]>([
    ["a class that does not exist", plain, {}, 403, "RuntimeClass unknown does not exist"],
    ["a class that can't be looked up", plain, failing(unreachable), 503, "GET /x: no answer: refused"],
    [
      "caches that are not synced",
      plain,
      {
        rules: () => {
          throw new SchedgateError("E_NOT_SYNCED", "not in step");
        },
      },
      503,
      "not in step",
    ],
    ["an error of our own", plain, failing(new TypeError("x is undefined")), 500, "x is undefined"],
    ["something that is not a pod", request({ kind: "Pod" }), {}, 403, "not a pod"],
    [
      "a pod with annotations that are none",
      request({ metadata: { annotations: { a: 1 } }, spec: { containers: [] } }),
      {},
      403,
      "not a pod",
    ],
    [
      "a quantity that is none",
      request(
        rawPod({ [ASK]: "enabled" }, { containers: [{ name: "a", resources: { limits: { cpu: "two" } } }] }),
      ),
      {},
      500,
      "is not a quantity",
    ],
    [
      "another resource",
      request(rawPod(), { resource: { group: "apps", version: "v1", resource: "deployments" } }),
      {},
      500,
      "schedgate does not judge CREATE of deployments",
    ],
    [
      "another subresource",
      request(rawPod(), { operation: "UPDATE", subResource: "proxy", oldObject: rawPod() }),
      {},
      500,
      "UPDATE of pods/proxy",
    ],
    [
      "another operation",
      request(null, { operation: "DELETE", oldObject: rawPod() }),
      {},
      500,
      "DELETE of pods",
    ],
    ["no namespace", request(rawPod(), { namespace: "" }), {}, 500, "does not judge"],
    ["an update without the old pod", request(rawPod(), { operation: "UPDATE" }), {}, 403, "not a pod"],
  ])("%s", async (...[, call, more, code, message]) => {
    for (const webhook of ["mutate", "validate"] as const) {
      const outcome = await ask(webhook, call, granted, more);
      expect(outcome.status?.code).toBe(code);
      expect(outcome.status?.message).toContain(message);
      // What may be gone the next time is tried again, by client-go itself.
      expect(outcome.status?.details).toEqual(code === 503 ? { retryAfterSeconds: 1 } : undefined);
      expect(outcome.counted).toEqual([`${webhook} ${call.operation} ${code === 403 ? "denied" : "error"}`]);
    }
  });

  test("a class that is not protected is looked up, one that is not new is not", async () => {
    const looked: string[] = [];
    const cluster = {
      ...nothing,
      handlerOf: (name: string) => Promise.resolve(looked.push(name) > 0 ? "other" : undefined),
    };
    const pod = rawPod({ a: "b" }, { runtimeClassName: "other" });
    expect((await ask("validate", request(pod), ungranted, { cluster })).allowed).toBe(true);
    await ask("validate", request(pod, { operation: "UPDATE", oldObject: pod }), ungranted, {
      cluster,
    });
    expect(looked).toEqual(["other"]);
  });
});

describe("a large body of wrong types", () => {
  const million = Array.from({ length: 1_000_000 }, () => 1);
  const map = Object.fromEntries(million.map((each, i) => [String(i), each]));
  const inPod = (metadata: object, spec: object) => () =>
    readPod({ metadata, spec: { containers: [], ...spec } }, "a");

  test.each<[string, () => unknown]>([
    ["containers", inPod({}, { containers: million })],
    ["init containers", inPod({}, { initContainers: million })],
    ["containers over any sense", inPod({}, { containers: million.map(() => ({ name: "" })) })],
    ["annotations", inPod({ annotations: map }, {})],
    ["annotations over the API server's bound", inPod({ annotations: { a: "x".repeat(300_000) } }, {})],
    [
      "resources",
      inPod({}, { resources: { limits: Object.fromEntries(Object.keys(map).map((key) => [key, true])) } }),
    ],
    [
      "groups",
      () => {
        const review = { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview" };
        const body = { ...review, request: { ...request(rawPod()), userInfo: { groups: million } } };
        return readReview(Buffer.from(JSON.stringify(body)));
      },
    ],
  ])("is refused for its first fault: %s", (_, read) => {
    let message = "";
    try {
      read();
    } catch (error) {
      message = messageOf(error);
    }
    expect(message).toMatch(/^not a/);
    expect(message.length).toBeLessThan(300);
  });

  test("in an answer takes no more than 2000 characters", async () => {
    const pod = rawPod(undefined, { runtimeClassName: "x".repeat(100_000) });
    const { status } = await ask("validate", request(pod), granted);
    expect(status?.message.length).toBe(2000);
  });
});

describe("a body", () => {
  const review = { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", request: request(rawPod()) };

  test("of the API server is read", () => {
    expect(readReview(Buffer.from(JSON.stringify(review))).uid).toBe("u-1");
  });

  test.each([
    ["", "is not JSON"],
    ["[]", "not an AdmissionReview"],
    [
      JSON.stringify({ ...review, apiVersion: "admission.k8s.io/v1beta1" }),
      "not an AdmissionReview of admission.k8s.io/v1",
    ],
    [JSON.stringify({ ...review, request: undefined }), "not an AdmissionReview"],
    [JSON.stringify({ ...review, request: { ...review.request, uid: "" } }), "not an AdmissionReview"],
  ])("that is something else is refused: %#", (body, message) => {
    expect(() => readReview(Buffer.from(body))).toThrow(message);
  });
});
