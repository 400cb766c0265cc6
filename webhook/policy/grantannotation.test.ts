import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Pod } from "../../common/api/pod.ts";
import type { Change, Finding } from "./decide.ts";
import { readProfile } from "./profile.ts";
import { forgedGrantFault, rightGrantValue, withNamedGrants } from "./grantannotation.ts";
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
    coverage: { covered: true, grants, full: [] },
    faults: [],
  }));
}

function judge(change: Change, findings: Finding[]): "right" | "forged" | "unnamed" {
  if (forgedGrantFault(change, findings) !== undefined) return "forged";
  return withNamedGrants(change, findings).every((each) => each.faults.length === 0) ? "right" : "unnamed";
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

  test.each<[string, string | undefined, string | undefined, Finding[], "right" | "forged" | "unnamed"]>([
    ["set right on create", undefined, "a", covered(["a"]), "right"],
    ["another grant that covers as well", undefined, "b", covered(["a", "b"]), "right"],
    ["of one profile of two", undefined, "a", covered(["a"], ["b"]), "unnamed"],
    ["forged beside", undefined, "a,x", covered(["a"]), "forged"],
    ["missing on create", undefined, undefined, covered(["a"]), "unnamed"],
    ["not sorted", undefined, "b,a", covered(["a"], ["b"]), "forged"],
    ["empty", undefined, "", [], "forged"],
    ["forged on create", undefined, "x", [], "forged"],
  ])("%s", (_, ...[, value, findings, right]) => {
    const change = { before: undefined, after: pod(value), handler: undefined };
    expect(judge(change, findings)).toBe(right);
  });

  test.each<[string, string | undefined, string | undefined, Finding[], "right" | "forged" | "unnamed"]>([
    ["unchanged", "a", "a", [], "right"],
    ["unchanged, whatever it is", "x,,y ", "x,,y ", [], "right"],
    ["added", undefined, "a", [], "forged"],
    ["changed", "a", "b", [], "forged"],
    ["removed", "a", undefined, [], "forged"],
    ["added with a new request", undefined, "a", covered(["a"]), "right"],
    ["completed with a new request", "c", "a,c", covered(["a"]), "right"],
    ["without what it newly requests", "c", "c", covered(["a"]), "unnamed"],
    ["replaced with a new request", "c", "a", covered(["a"]), "forged"],
  ])("on update: %s", (_, ...[before, after, findings, right]) => {
    const change = { before: pod(before), after: pod(after), handler: undefined };
    expect(judge(change, findings)).toBe(right);
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
        return judge({ before, after, handler: undefined }, findings) === "right";
      }),
    );
  });
});
