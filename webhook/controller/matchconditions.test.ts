import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { protectsKey } from "../../common/api/protection.ts";
import { isGlob } from "../../common/glob.ts";
import { readProfile } from "../policy/profile.ts";
import { cpuIsolation, profileOf } from "../policy/testing.ts";
import { matchConditions } from "./matchconditions.ts";

// That the API server evaluates these as meant is shown in test/apiserver/configuration.test.ts.
function expressionOf(...profiles: Parameters<typeof matchConditions>[0]): string {
  const [only, ...others] = matchConditions(profiles, "schedgate-system");
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

/** What the test of a key says to one key: a list, the ends, an RE2 expression (here as JavaScript's), joined by && and ||. */
function evaluate(expression: string, key: string): boolean {
  const text = String.raw`"(?:[^"\\]|\\.)*"`;
  const atom = new RegExp(
    String.raw`k in (\[${text}(?:, ${text})*\])|k\.(startsWith|endsWith|matches)\((${text})\)`,
    "g",
  );
  const values = expression.replace(atom, (_, list?: string, method?: string, argument?: string) => {
    if (list !== undefined) return String((JSON.parse(list) as string[]).includes(key));
    const value = JSON.parse(argument ?? "") as string;
    if (method === "startsWith") return String(key.startsWith(value));
    if (method === "endsWith") return String(key.endsWith(value));
    return String(new RegExp(value.replaceAll("\\x{10ffff}", "\\u{10ffff}"), "u").test(key));
  });
  expect(values).toMatch(/^(?:true|false|[()]| && | \|\| )+$/);
  return values.split(" || ").some((each) => !each.includes("false"));
}

describe("the filter of the API server", () => {
  test("of the default profile", () => {
    expect(expressionOf(cpuIsolation).split(" || (").join("\n|| (")).toMatchInlineSnapshot(`
     "(request.operation == "CREATE" && has(object.spec.runtimeClassName) && !(request.namespace == "schedgate-system" && has(object.spec.serviceAccountName) && object.spec.serviceAccountName == "schedgate-webhook"))
     || (has(object.metadata.annotations) && (size(object.metadata.annotations) > 2000 ? (request.operation == "CREATE" || !has(oldObject.metadata.annotations) || oldObject.metadata.annotations != object.metadata.annotations) : object.metadata.annotations.exists(k, (k in ["cpu-load-balancing.crio.io", "schedgate.dev/cpu-isolation"] || k.startsWith("cpu-isolation.schedgate.dev/") || k.startsWith("cpu-load-balancing.crio.io/")) && (request.operation == "CREATE" || !(has(oldObject.metadata.annotations) && k in oldObject.metadata.annotations && oldObject.metadata.annotations[k] == object.metadata.annotations[k])))))
     || ((has(object.metadata.annotations) && "schedgate.dev/grant" in object.metadata.annotations ? [object.metadata.annotations["schedgate.dev/grant"]] : []) != (request.operation == "CREATE" ? [] : (has(oldObject.metadata.annotations) && "schedgate.dev/grant" in oldObject.metadata.annotations ? [oldObject.metadata.annotations["schedgate.dev/grant"]] : [])))
     || (!(request.operation == "CREATE") && has(object.metadata.annotations) && has(oldObject.metadata.annotations) && (("schedgate.dev/cpu-isolation" in object.metadata.annotations && object.metadata.annotations["schedgate.dev/cpu-isolation"] == "enabled" && (size(oldObject.metadata.annotations) > 2000 ? object.metadata.annotations != oldObject.metadata.annotations : oldObject.metadata.annotations.exists(k, k.startsWith("cpu-isolation.schedgate.dev/") && !(k in object.metadata.annotations) && oldObject.metadata.annotations[k] != "enabled")))))"
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
    ["*", '(k.matches("^[^/]*$"))'],
    ["**", '(k.matches("^[^/]*$"))'],
    ["*x", '(k.endsWith("x") && k.matches("^[^/]*x$"))'],
    ["?", '(k.matches("^[^/]$"))'],
  ])("of the glob %j is %s", (glob, expression) => {
    expect(keysOf(globs(glob))).toBe(expression);
  });

  test("catches every key that the policy judges, and no other where a class can't match a slash", () => {
    const part = fc.constantFrom("*", "?", "[a-c]", "[^b]", "[", "\\*", "/", "a", "b", "k in [", '"', ".");
    const pattern = fc
      .array(part, { minLength: 1, maxLength: 6 })
      .map((parts) => parts.join(""))
      .filter(isGlob);
    const key = fc
      .array(fc.constantFrom("a", "b", "/", "*", ".", '"', "k in ["), { maxLength: 6 })
      .map((parts) => parts.join(""));
    const request = fc.constantFrom(undefined, { annotation: "a/b" });
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 4 }), request, key, (annotations, asked, text) => {
        const profile = profileOf("p", { protects: { annotations }, ...(asked && { request: asked }) });
        const judged = protectsKey(readProfile(profile), text);
        const caught = evaluate(keysOf(profile), text);
        // A key of the API server has one slash at most; for others the filter may be wider, never narrower.
        const isKey = text.split("/").length <= 2;
        const exact = isKey && annotations.every((each) => !each.replaceAll("[a-c]", "").includes("["));
        return exact ? caught === judged : caught || !judged;
      }),
      { numRuns: 5000, examples: [[["/*"], undefined, "//"]] },
    );
  });

  test("does not depend on the order of profiles or globs, and says nothing twice", () => {
    const [one, two] = [globs("a", "b/*", "a"), globs("b/*", "c")];
    expect(expressionOf(one, two)).toBe(expressionOf(two, one));
    expect(keysOf(one, two)).toBe('k in ["a", "c"] || k.startsWith("b/")');
  });

  test("gets coarser where patterns that begin with a wildcard would cost an ordinary pod its creation", () => {
    for (const count of [1, 4, 64]) {
      const patterns = Array.from({ length: count }, (_, i) => `*${"?a".repeat(100)}${String(i)}*`);
      expect(keysOf(globs(...patterns)).length).toBeLessThanOrEqual(250);
    }
    expect(keysOf(globs("*.example/x"))).toContain('endsWith(".example/x")');
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
