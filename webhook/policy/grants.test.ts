import { describe, expect, test } from "@jest/globals";
import type { HookGrant } from "../../common/api/hookgrant.ts";
import { coverage, isExpired } from "./grants.ts";
import { grantOf, now, podOf } from "./testing.ts";

function covers(...grants: HookGrant[]) {
  return coverage("cpu-isolation", podOf(), grants, now);
}

const expired = grantOf("expired", { notAfter: "2026-05-31T23:59:59Z" });
const others = grantOf("others", { subjects: [{ namespace: "trading", serviceAccounts: ["other"] }] });
const none = { covered: false, reason: "none" };

describe("a grant covers", () => {
  test("every service account of its namespace, or those it names", () => {
    expect(covers(grantOf("a"))).toEqual({ covered: true, grants: ["a"] });
    expect(
      covers(grantOf("a", { subjects: [{ namespace: "trading", serviceAccounts: ["engine"] }] })).covered,
    ).toBe(true);
    expect(covers(others)).toEqual({ covered: false, reason: "otherAccount" });
    expect(
      covers(grantOf("a", { subjects: [{ namespace: "other" }, { namespace: "trading" }] })).covered,
    ).toBe(true);
    expect(covers(grantOf("a", { subjects: [{ namespace: "other", serviceAccounts: ["engine"] }] }))).toEqual(
      none,
    );
  });

  test("its own profile only", () => {
    expect(covers(grantOf("a", { profileName: "other" }))).toEqual(none);
  });

  test("until its end, not at it", () => {
    expect(covers(grantOf("a", { notAfter: "2026-06-01T00:00:00.001Z" })).covered).toBe(true);
    expect(covers(grantOf("a", { notAfter: "2026-06-01T02:00:00+02:00" })).covered).toBe(false);
    expect(covers(expired)).toEqual({
      covered: false,
      reason: "expired",
      grant: "expired",
      notAfter: "2026-05-31T23:59:59Z",
    });
  });

  test("nothing with a limit of 0", () => {
    const zero = (limits: HookGrant["spec"]["limits"]) => covers(grantOf("a", { limits }));
    expect(zero({ pods: 0 })).toEqual({ covered: false, reason: "noRoom", grant: "a", limit: "pods" });
    expect(zero({ pods: 1, isolatedCPUs: 0 })).toEqual({
      covered: false,
      reason: "noRoom",
      grant: "a",
      limit: "isolatedCPUs",
    });
    expect(zero({ pods: 1, isolatedCPUs: 1 }).covered).toBe(true);
  });

  test("where any of several does; they are named in order", () => {
    expect(covers(grantOf("c"), expired, grantOf("b"))).toEqual({ covered: true, grants: ["b", "c"] });
  });
});

describe("where none covers, the reason is the nearest grant", () => {
  const full = grantOf("full", { limits: { pods: 0 } });
  const gone = { ...others, spec: { ...others.spec, notAfter: "2020-01-01T00:00:00Z" } };

  test.each<[string, HookGrant[], string]>([
    ["one without room", [expired, others, full], "noRoom"],
    ["else one that expired", [others, expired], "expired"],
    ["else one of another service account", [others], "otherAccount"],
    ["not where that one is of no use either", [gone], "none"],
    [
      "not where that one is of another namespace",
      [grantOf("a", { subjects: [{ namespace: "other" }] })],
      "none",
    ],
    [
      "not where that one is for another profile",
      [{ ...others, spec: { ...others.spec, profileName: "x" } }],
      "none",
    ],
  ])("%s", (_, grants, reason) => {
    expect(covers(...grants)).toMatchObject({ covered: false, reason });
    expect(covers(...grants.toReversed())).toMatchObject({ covered: false, reason });
  });
});

test.each([
  ["2026-06-01T00:00:01Z", false],
  ["2026-06-01T00:00:00Z", true],
  ["not a time", true],
  [undefined, false],
])("the end %s has come: %s", (notAfter, gone) => {
  expect(isExpired(notAfter, now)).toBe(gone);
});
