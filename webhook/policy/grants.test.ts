import { describe, expect, test } from "@jest/globals";
import type { HookGrant } from "../../common/api/hookgrant.ts";
import { coverage, isExpired } from "./grants.ts";
import { grantOf, now, podOf } from "./testing.ts";

function covers(...grants: HookGrant[]) {
  return coverage("cpu-isolation", podOf(), grants, now);
}

const expired = grantOf("expired", { notAfter: "2026-05-31T23:59:59Z" });
const none = { covered: false, reason: "none" };

describe("a grant covers", () => {
  test("every service account of its namespace, or those it names", () => {
    expect(covers(grantOf("a"))).toEqual({ covered: true, grants: ["a"] });
    expect(
      covers(grantOf("a", { subjects: [{ namespace: "trading", serviceAccounts: ["engine"] }] })).covered,
    ).toBe(true);
    expect(
      covers(grantOf("a", { subjects: [{ namespace: "trading", serviceAccounts: ["other"] }] })),
    ).toEqual(none);
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

test.each([
  ["2026-06-01T00:00:01Z", false],
  ["2026-06-01T00:00:00Z", true],
  ["not a time", true],
  [undefined, false],
])("the end %s has come: %s", (notAfter, gone) => {
  expect(isExpired(notAfter, now)).toBe(gone);
});
