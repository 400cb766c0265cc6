import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Pod } from "../../common/api/pod.ts";
import type { Finding } from "./decide.ts";
import { readProfile } from "./profile.ts";
import { grantAnnotationFault, rightGrantValue } from "./grantannotation.ts";
import { cpuIsolation, podOf } from "./testing.ts";

const KEY = "schedgate.dev/grant";

function pod(value?: string): Pod {
  return podOf({ annotations: value === undefined ? {} : { [KEY]: value } });
}

/** Findings that these grants cover, one list a profile. */
function covered(...lists: [string, ...string[]][]): Finding[] {
  return lists.map((grants) => ({
    profile: readProfile(cpuIsolation),
    uses: [{ kind: "request", key: "a" }],
    coverage: { covered: true, grants },
    faults: [],
  }));
}

describe("the grant annotation", () => {
  test("names on create the first grant of each profile, sorted", () => {
    expect(rightGrantValue(undefined, covered(["b", "c"], ["a"], ["b"]))).toBe("a,b");
    expect(rightGrantValue(undefined, [])).toBeUndefined();
  });

  test("keeps on update what it named, and gets what is new", () => {
    expect(rightGrantValue(pod("c"), covered(["a"]))).toBe("a,c");
    expect(rightGrantValue(pod("c"), [])).toBe("c");
    expect(rightGrantValue(pod(), covered(["a"]))).toBe("a");
  });

  test.each<[string, string | undefined, string | undefined, Finding[], boolean]>([
    ["set right on create", undefined, "a", covered(["a"]), true],
    ["another grant that covers as well", undefined, "b", covered(["a", "b"]), true],
    ["forged beside", undefined, "a,x", covered(["a"]), false],
    ["missing on create", undefined, undefined, covered(["a"]), false],
    ["not sorted", undefined, "b,a", covered(["a"], ["b"]), false],
    ["empty", undefined, "", [], false],
    ["forged on create", undefined, "x", [], false],
  ])("%s", (_, ...[, value, findings, right]) => {
    const change = { before: undefined, after: pod(value), handler: undefined };
    expect(grantAnnotationFault(change, findings) === undefined).toBe(right);
  });

  test.each<[string, string | undefined, string | undefined, Finding[], boolean]>([
    ["unchanged", "a", "a", [], true],
    ["unchanged, whatever it is", "x,,y ", "x,,y ", [], true],
    ["added", undefined, "a", [], false],
    ["changed", "a", "b", [], false],
    ["removed", "a", undefined, [], false],
    ["added with a new request", undefined, "a", covered(["a"]), true],
    ["completed with a new request", "c", "a,c", covered(["a"]), true],
    ["replaced with a new request", "c", "a", covered(["a"]), false],
  ])("on update: %s", (_, ...[before, after, findings, right]) => {
    const change = { before: pod(before), after: pod(after), handler: undefined };
    expect(grantAnnotationFault(change, findings) === undefined).toBe(right);
  });

  test("is never refused as we set it", () => {
    const name = fc.constantFrom("a", "b", "c", "d");
    const lists = fc.array(fc.tuple(name, name), { maxLength: 4 });
    const old = fc.option(
      fc.uniqueArray(name, { minLength: 1 }).map((each) => each.sort().join(",")),
      { nil: undefined },
    );
    fc.assert(
      fc.property(lists, old, fc.boolean(), (grants, value, isUpdate) => {
        const before = isUpdate ? pod(value) : undefined;
        const findings = covered(...grants);
        const after = pod(rightGrantValue(before, findings));
        return grantAnnotationFault({ before, after, handler: undefined }, findings) === undefined;
      }),
    );
  });
});
