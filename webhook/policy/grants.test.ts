import { describe, expect, test } from "@jest/globals";
import type { HookGrant } from "../../common/api/hookgrant.ts";
import { coverage, isExpired } from "./grants.ts";
import { readProfile } from "./profile.ts";
import { withHolders } from "./room.ts";
import { cpuIsolation, grantOf, holderOf, now, podOf } from "./testing.ts";

function covers(...grants: HookGrant[]) {
  return coverage(readProfile(cpuIsolation), podOf(), grants, now);
}

const expired = grantOf("expired", { notAfter: "2026-05-31T23:59:59Z" });
const others = grantOf("others", { subjects: [{ namespace: "trading", serviceAccounts: ["other"] }] });
const none = { covered: false, reason: "none" };

describe("a grant covers", () => {
  test("every service account of its namespace, or those it names", () => {
    expect(covers(grantOf("a"))).toEqual({ covered: true, grants: ["a"], full: [] });
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
    const full = { grant: "a", used: 0, max: 0 };
    expect(zero({ pods: 0 })).toMatchObject({ reason: "noRoom", full: [{ ...full, limit: "pods" }] });
    expect(zero({ pods: 1, isolatedCPUs: 0 })).toMatchObject({
      reason: "noRoom",
      full: [{ ...full, limit: "isolatedCPUs" }],
    });
    expect(zero({ pods: 1, isolatedCPUs: 2 }).covered).toBe(true);
  });

  test("where any of several does; they are named in order", () => {
    expect(covers(grantOf("c"), expired, grantOf("b"))).toEqual({
      covered: true,
      grants: ["b", "c"],
      full: [],
    });
  });

  test("one without limits before one with, one that has room before one that is full", () => {
    const full = withHolders(grantOf("a", { limits: { pods: 1 } }), [holderOf("other", 2)]);
    const room = grantOf("b", { limits: { pods: 1 } });
    expect(covers(room, full, grantOf("c"))).toMatchObject({ grants: ["c", "b"], full: [{ grant: "a" }] });
    expect(covers(room, full)).toMatchObject({ grants: ["b"] });
    expect(covers(full, expired)).toMatchObject({
      reason: "noRoom",
      full: [{ grant: "a", used: 1, max: 1 }],
    });
  });

  test("a pod by the grant that it names, and by what it holds already where that is full", () => {
    const held = withHolders(grantOf("b", { limits: { isolatedCPUs: 2 } }), [holderOf("pod-1", 2)]);
    const pod = podOf({ annotations: { "schedgate.dev/grant": "b" } });
    expect(coverage(readProfile(cpuIsolation), pod, [grantOf("a"), held], now)).toMatchObject({
      grants: ["b", "a"],
    });
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
