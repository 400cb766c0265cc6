import { describe, expect, test } from "@jest/globals";
import { cpuIsolation, profileOf } from "../policy/testing.ts";
import { matchConditions } from "./matchconditions.ts";

// That the API server evaluates these as meant is shown in test/apiserver/configuration.test.ts.
function expressionOf(...profiles: Parameters<typeof matchConditions>[0]): string {
  const [only, ...others] = matchConditions(profiles);
  expect(others).toEqual([]);
  return only?.expression ?? "";
}

/** The test of an annotation key, out of the whole expression. */
function keysOf(...profiles: Parameters<typeof matchConditions>[0]): string {
  return /exists\(k, \((.*)\) && \(request/.exec(expressionOf(...profiles))?.[1] ?? "";
}

function globs(...annotations: string[]): Parameters<typeof matchConditions>[0][number] {
  return profileOf("globs", { protects: { annotations } });
}

describe("the filter of the API server", () => {
  test("of the default profile", () => {
    expect(expressionOf(cpuIsolation).split(" || (").join("\n|| (")).toMatchInlineSnapshot(`
"(request.operation == "CREATE" && has(object.spec.runtimeClassName))
|| (has(object.metadata.annotations) && object.metadata.annotations.exists(k, (k in ["cpu-load-balancing.crio.io", "schedgate.dev/cpu-isolation"] || k.startsWith("cpu-isolation.schedgate.dev/") || k.startsWith("cpu-load-balancing.crio.io/")) && (request.operation == "CREATE" || !(has(oldObject.metadata.annotations) && k in oldObject.metadata.annotations && oldObject.metadata.annotations[k] == object.metadata.annotations[k]))))
|| ((has(object.metadata.annotations) && "schedgate.dev/grant" in object.metadata.annotations ? [object.metadata.annotations["schedgate.dev/grant"]] : []) != (request.operation == "CREATE" ? [] : (has(oldObject.metadata.annotations) && "schedgate.dev/grant" in oldObject.metadata.annotations ? [oldObject.metadata.annotations["schedgate.dev/grant"]] : [])))"
`);
  });

  test("without a profile catches only our own annotation", () => {
    expect(keysOf()).toBe("false");
    expect(expressionOf()).not.toContain("runtimeClassName");
    expect(expressionOf(globs("a"))).not.toContain("runtimeClassName");
  });

  test.each([
    ["a.b/c", 'k in ["a.b/c"]'],
    ["a\\*", 'k in ["a*"]'],
    ['"', 'k in ["\\""]'],
    ["a.b/*", 'k.startsWith("a.b/")'],
    ["a*", '(k.startsWith("a") && k.matches("^a[^/]*$"))'],
    ["*.b/c", '(k.endsWith(".b/c") && k.matches("^[^/]*\\\\x2eb/c$"))'],
    ["?", '(k.matches("^[^/]$"))'],
  ])("of the glob %j is %s", (glob, expression) => {
    expect(keysOf(globs(glob))).toBe(expression);
  });

  test("does not depend on the order of profiles or globs, and says nothing twice", () => {
    const [one, two] = [globs("a", "b/*", "a"), globs("b/*", "c")];
    expect(expressionOf(one, two)).toBe(expressionOf(two, one));
    expect(keysOf(one, two)).toBe('k in ["a", "c"] || k.startsWith("b/")');
  });

  test("gets coarser where it would be too long for the API server, never longer", () => {
    const many = (count: number) =>
      Array.from({ length: count }, (_, i) =>
        globs(...Array.from({ length: 64 }, (_, j) => `${"p".repeat(200)}${String(i)}.${String(j)}*x`)),
      );
    for (const count of [1, 10, 100, 1000]) expect(expressionOf(...many(count)).length).toBeLessThan(100_000);
    expect(keysOf(...many(10))).toContain("startsWith");
  });
});
