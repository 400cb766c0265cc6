import { describe, expect, test } from "@jest/globals";
import type { HookGrant } from "../../common/api/hookgrant.ts";
import type { HookProfile } from "../../common/api/hookprofile.ts";
import type { Pod } from "../../common/api/pod.ts";
import { findings } from "./decide.ts";
import type { Change } from "./decide.ts";
import { container, cpuIsolation, grantOf, podOf, profileOf, rulesOf } from "./testing.ts";
import { verdict } from "./verdict.ts";
import type { Verdict } from "./verdict.ts";

const ASK = "schedgate.dev/cpu-isolation";
const asking = { annotations: { [ASK]: "enabled" } };

interface World {
  profiles?: HookProfile[];
  grants?: HookGrant[];
}

function judge(after: Pod, world: World = {}, more: Partial<Change> = {}): Verdict {
  const { profiles = [cpuIsolation], grants = [] } = world;
  const handler = after.runtimeClassName === undefined ? undefined : "wrapper";
  return verdict(after, findings(rulesOf(profiles, grants), { before: undefined, after, handler, ...more }));
}

const granted = { grants: [grantOf("trading")] };
const REMEDY =
  "a cluster admin can grant it: " +
  `echo '{"apiVersion":"schedgate.dev/v1alpha1","kind":"HookGrant","metadata":{"generateName":"trading-"},` +
  `"spec":{"profileName":"cpu-isolation","subjects":[{"namespace":"trading","serviceAccounts":["engine"]}]}}' ` +
  "| kubectl create -f -";
const NONE = `protected by HookProfile cpu-isolation, and no HookGrant covers service account trading/engine; ${REMEDY}`;

describe("the line of a refusal", () => {
  test.each<[string, Pod, World, string]>([
    ["a request", podOf(asking), {}, `annotation ${ASK}=enabled is ${NONE}`],
    [
      "a class",
      podOf({ runtimeClassName: "alias" }),
      {},
      `runtimeClassName alias (handler wrapper) is ${NONE}`,
    ],
    [
      "class and annotations",
      podOf({
        runtimeClassName: "wrapper",
        annotations: { [ASK]: "enabled", "cpu-load-balancing.crio.io": "" },
      }),
      {},
      `runtimeClassName wrapper (handler wrapper), annotation ${ASK}=enabled and annotation cpu-load-balancing.crio.io are ${NONE}`,
    ],
    [
      "more than a person wants to read",
      podOf({
        annotations: Object.fromEntries(
          [1, 2, 3, 4, 5, 6, 7].map((i) => [`cpu-load-balancing.crio.io/${String(i)}`, ""]),
        ),
      }),
      {},
      `${[1, 2, 3, 4].map((i) => `annotation cpu-load-balancing.crio.io/${String(i)}, `).join("")}annotation cpu-load-balancing.crio.io/5 and 2 more are ${NONE}`,
    ],
    [
      "a grant of another service account, which is not named",
      podOf(asking),
      { grants: [grantOf("secret", { subjects: [{ namespace: "trading", serviceAccounts: ["hidden"] }] })] },
      `annotation ${ASK}=enabled is protected by HookProfile cpu-isolation, and no HookGrant covers service account trading/engine, only others of its namespace (is spec.serviceAccountName right?); ${REMEDY}`,
    ],
    [
      "an expired grant",
      podOf(asking),
      { grants: [grantOf("old", { notAfter: "2026-01-01T00:00:00Z" })] },
      `annotation ${ASK}=enabled is protected by HookProfile cpu-isolation, and the HookGrant old for service account trading/engine expired at 2026-01-01T00:00:00Z; a cluster admin can change that: kubectl edit hookgrant old`,
    ],
    [
      "a grant without room",
      podOf(asking),
      { grants: [grantOf("full", { limits: { isolatedCPUs: 0 } })] },
      `annotation ${ASK}=enabled is protected by HookProfile cpu-isolation, and the HookGrant full for service account trading/engine has no room (isolatedCPUs: 0/0 used, this pod takes 2); a cluster admin can change that: kubectl edit hookgrant full`,
    ],
    [
      "a value that is none",
      podOf({ annotations: { [ASK]: "yes\n" } }),
      granted,
      `HookProfile cpu-isolation: annotation ${ASK} must be "enabled" or "disabled", not "yes\\n"`,
    ],
    [
      "a container that is not there",
      podOf({ annotations: { "cpu-isolation.schedgate.dev/x": "disabled" } }),
      granted,
      "HookProfile cpu-isolation: annotation cpu-isolation.schedgate.dev/x names a container that the pod does not have",
    ],
    [
      "a contradiction",
      podOf({
        annotations: { [ASK]: "enabled", "cpu-isolation.schedgate.dev/main": "disabled" },
        runtimeClassName: "wrapper",
      }),
      granted,
      `HookProfile cpu-isolation: annotation ${ASK} is "enabled", but every container is "disabled"`,
    ],
    [
      "another class of service",
      podOf({
        ...asking,
        runtimeClassName: "wrapper",
        containers: [container("main"), { ...container("b"), limits: {} }],
      }),
      granted,
      "HookProfile cpu-isolation: its quality of service class must be Guaranteed: give every container CPU and memory requests equal to its limits",
    ],
    [
      "shared CPUs",
      podOf({ ...asking, runtimeClassName: "wrapper", containers: [container("main", "1500m")] }),
      granted,
      "HookProfile cpu-isolation: at least one container that asks must have whole CPUs of its own: a whole number as CPU request and limit, in a pod of class Guaranteed",
    ],
    [
      "no class to do it",
      podOf(asking),
      granted,
      "HookProfile cpu-isolation: the pod asks but has no RuntimeClass: wrapper does not exist, or the annotation was added after schedgate saw the pod",
    ],
  ])("for %s", (_, pod, world, line) => {
    expect(judge(pod, world).refusal).toBe(`pod trading/engine-0: ${line}`);
  });

  test("is one line, and short enough for an event, whatever the pod is called", () => {
    const long = "n".repeat(63);
    const keys = Array.from({ length: 50 }, (_, i) => [
      `cpu-load-balancing.crio.io/${"k".repeat(60)}${String(i)}`,
      "\n",
    ]);
    const annotations = Object.fromEntries(keys) as Record<string, string>;
    const line =
      judge(podOf({ namespace: long, name: "p".repeat(253), serviceAccount: "s".repeat(253), annotations }))
        .refusal ?? "";
    expect(line).not.toContain("\n");
    expect(line.length).toBeLessThan(2000);
  });
});

describe("what is allowed", () => {
  test.each<[string, Pod, World]>([
    ["nothing protected", podOf({ annotations: { a: "b" } }), {}],
    [
      "disabled, for the pod and for a container",
      podOf({ annotations: { [ASK]: "disabled", "cpu-isolation.schedgate.dev/main": "disabled" } }),
      {},
    ],
    ["no profile at all", podOf({ ...asking, runtimeClassName: "wrapper" }), { profiles: [] }],
    ["a granted pod with its class", podOf({ ...asking, runtimeClassName: "wrapper" }), granted],
    [
      "a granted pod that only uses the class",
      podOf({ runtimeClassName: "wrapper", containers: [] }),
      granted,
    ],
    [
      "the grant annotation, which has rules of its own",
      podOf({ annotations: { "schedgate.dev/grant": "x" } }),
      { profiles: [profileOf("all", { protects: { annotations: ["*/*"] } })] },
    ],
  ])("%s", (_, pod, world) => {
    expect(judge(pod, world)).toEqual({ refusal: undefined, warnings: [], violation: undefined });
  });
});

describe("several profiles", () => {
  const other = profileOf("other", { protects: { runtimeHandlers: ["wrapper"] } });

  test("need a grant each, and the missing one is named", () => {
    const { refusal } = judge(podOf({ ...asking, runtimeClassName: "wrapper" }), {
      profiles: [cpuIsolation, other],
      ...granted,
    });
    expect(refusal).toContain(
      "runtimeClassName wrapper (handler wrapper) is protected by HookProfile other, and no HookGrant",
    );
    expect(refusal).not.toContain("HookProfile cpu-isolation");
    const grants = [grantOf("a"), grantOf("b", { profileName: "other" })];
    expect(
      judge(podOf({ ...asking, runtimeClassName: "wrapper" }), { profiles: [cpuIsolation, other], grants })
        .refusal,
    ).toBeUndefined();
  });

  test("of different severity: the refusal names what refuses, the violation all", () => {
    const warned = profileOf("warned", {
      protects: { annotations: ["schedgate.dev/*"] },
      enforcement: "Warn",
    });
    const result = judge(podOf(asking), { profiles: [cpuIsolation, warned] });
    expect(result.refusal).not.toContain("warned");
    expect(result.warnings[0]).toMatch(
      /^pod trading\/engine-0: annotation .* is protected by HookProfile warned/,
    );
    expect(result.violation).toContain("HookProfile cpu-isolation");
    expect(result.violation).toContain("HookProfile warned");
  });
});

describe("enforcement", () => {
  test.each(["Warn", "Audit"] as const)("%s admits", (enforcement) => {
    const profile = { ...cpuIsolation, spec: { ...cpuIsolation.spec, enforcement } };
    const line = `pod trading/engine-0: annotation ${ASK}=enabled is ${NONE}`;
    expect(judge(podOf(asking), { profiles: [profile] })).toEqual({
      refusal: undefined,
      warnings: enforcement === "Warn" ? [line] : [],
      violation: line,
    });
  });
});

describe("an update is judged only by what it adds or changes", () => {
  const old = podOf({
    runtimeClassName: "wrapper",
    annotations: { [ASK]: "enabled", "cpu-load-balancing.crio.io": "disable" },
  });

  test.each<[string, Record<string, string>, boolean]>([
    ["nothing", old.annotations, true],
    ["something else", { ...old.annotations, a: "b" }, true],
    ["removal of all", {}, true],
    ["a switch to disabled", { ...old.annotations, [ASK]: "disabled" }, true],
    ["another protected key", { ...old.annotations, "cpu-load-balancing.crio.io/main": "disable" }, false],
    ["another value of one", { ...old.annotations, "cpu-load-balancing.crio.io": "x" }, false],
    ["a container that asks", { ...old.annotations, "cpu-isolation.schedgate.dev/main": "enabled" }, false],
    ["a value that is none", { ...old.annotations, [ASK]: "off" }, false],
  ])("%s", (_, annotations, allowed) => {
    const after = { ...old, annotations };
    expect(judge(after, {}, { before: old }).refusal === undefined).toBe(allowed);
  });

  test("a pod without the class may begin to ask with a grant", () => {
    const plain = podOf();
    expect(judge(podOf(asking), granted, { before: plain }).refusal).toBeUndefined();
    expect(judge(podOf(asking), {}, { before: plain }).refusal).toContain("no HookGrant");
  });
});
