import { describe, expect, test } from "@jest/globals";
import { IS_MARKED } from "../admission/mark.ts";
import { cpuIsolation, profileOf } from "../policy/testing.ts";
import { callsOf } from "./calls.ts";

// That the API server evaluates the conditions as meant is shown in test/apiserver/vectors.
const calls = (webhook: "mutate" | "validate") =>
  callsOf(webhook, [cpuIsolation], "schedgate-system").map(
    ({ prefix, rules, failurePolicy, conditions }) => ({
      prefix,
      failurePolicy,
      resources: (rules as { resources: string[] }[]).flatMap((each) => each.resources),
      conditions: conditions.map((each) => each.expression),
    }),
  );

const KEYS =
  'k in ["cpu-load-balancing.crio.io", "schedgate.dev/cpu-isolation"] || k.startsWith("cpu-isolation.schedgate.dev/") || k.startsWith("cpu-load-balancing.crio.io/")';

const some = (map: string, test: string) => `(size(${map}) > 2000 ? true : ${map}.exists(k, ${test}))`;

describe("what the API server is told to send", () => {
  test("to the mutating webhook is what can put something protected on a pod, and fails closed", () => {
    expect(calls("mutate").map(({ resources, failurePolicy }) => ({ resources, failurePolicy }))).toEqual([
      { resources: ["pods", "pods/status"], failurePolicy: "Fail" },
      { resources: ["bindings", "pods/binding"], failurePolicy: "Fail" },
    ]);
  });

  test("to the mutating webhook, never to the validating one, leaves out a new pod with its mark", () => {
    const [mutating, validating] = [calls("mutate")[0], calls("validate")[0]].map(
      (each) => each?.conditions[0],
    );
    expect(mutating).toBe(`(${validating ?? ""}) && !(${IS_MARKED})`);
    expect(
      calls("validate")
        .flatMap((each) => each.conditions)
        .join(),
    ).not.toContain("status");
  });

  test("to the validating webhook fails open exactly where it can't be refused", () => {
    expect(calls("validate").map(({ prefix, failurePolicy }) => `${prefix} ${failurePolicy}`)).toEqual([
      " Fail",
      "bindings. Fail",
      "resize. Fail",
      "debug. Ignore",
      "workloads. Ignore",
      "cronjobs. Ignore",
      "classes. Ignore",
    ]);
  });

  test("fails open for what only profiles that do not enforce protect, and only for that", () => {
    const lenient = profileOf("lenient", {
      protects: { runtimeHandlers: ["other"], annotations: ["lenient.example/x"] },
      enforcement: "Warn",
    });
    const [strict, both] = [
      callsOf("validate", [cpuIsolation], "x"),
      callsOf("validate", [cpuIsolation, lenient], "x"),
    ];
    const refusing = (list: typeof strict) => list.filter((each) => each.failurePolicy === "Fail");
    expect(refusing(both)).toEqual(refusing(strict));
    const added = both.filter((each) => each.prefix.startsWith("lenient."));
    expect(added.map(({ prefix, failurePolicy }) => `${prefix} ${failurePolicy}`)).toEqual([
      "lenient. Ignore",
      "lenient.bindings. Ignore",
      "lenient.resize. Ignore",
    ]);
    for (const [i, { rules, conditions }] of added.entries()) {
      expect(rules).toEqual(strict[i]?.rules);
      expect(conditions[0]?.expression).toContain('k in ["lenient.example/x"]');
      expect(conditions[1]?.expression).toBe(`!(${strict[i]?.conditions[0]?.expression ?? ""})`);
    }
    expect(callsOf("mutate", [lenient], "x").map((each) => each.prefix)).toEqual([
      "",
      "bindings.",
      "lenient.",
      "lenient.bindings.",
    ]);
  });

  test("is told by conditions that keep ordinary objects away", () => {
    const [, bindings, resize, debug, , cronjobs, classes] = calls("validate").map((each) => each.conditions);
    expect(bindings).toEqual([
      `has(object.metadata.annotations) && ${some("object.metadata.annotations", `k == "schedgate.dev/grant" || ${KEYS}`)}`,
    ]);
    expect(resize).toEqual([
      `has(object.spec.runtimeClassName) || (has(object.metadata) && has(object.metadata.annotations) && ${some("object.metadata.annotations", KEYS)})`,
    ]);
    expect(debug).toEqual(resize);
    const template = "object.spec.jobTemplate.spec.template";
    expect(cronjobs).toEqual([
      `has(${template}) && !has(object.metadata.ownerReferences) && (has(${template}.spec.runtimeClassName) || (has(${template}.metadata) && has(${template}.metadata.annotations) && ${some(`${template}.metadata.annotations`, KEYS)})) && (request.operation == "CREATE" || !has(oldObject.spec.jobTemplate.spec.template) || oldObject.spec.jobTemplate.spec.template != ${template})`,
    ]);
    expect(classes).toEqual(['object.handler in ["wrapper"]']);
  });

  test("without a profile is no workload, no class and no running pod", () => {
    const [, , resize, , workloads, , classes] = callsOf("validate", [], "x").map(
      (each) => each.conditions[0]?.expression,
    );
    expect(resize).toContain("exists(k, false)");
    expect(workloads).not.toContain("runtimeClassName");
    expect(classes).toBe("object.handler in []");
  });

  test("is not longer than the API server takes, whatever the profiles", () => {
    const runtimeHandlers = Array.from({ length: 32 }, (_, i) => `${"h".repeat(60)}${String(i)}`);
    const annotations = Array.from({ length: 64 }, (_, i) => `${"p".repeat(200)}${String(i)}*x`);
    const profiles = Array.from({ length: 100 }, (_, i) =>
      profileOf(String(i), {
        protects: {
          runtimeHandlers: runtimeHandlers.map((each) => `${each}${String(i)}`),
          annotations: annotations.map((each) => `${String(i)}${each}`),
        },
      }),
    );
    for (const { conditions } of callsOf("validate", profiles, "x")) {
      expect(conditions).toHaveLength(1);
      expect(conditions[0]?.expression.length).toBeLessThan(100_000);
    }
  });
});
