import { describe, expect, test } from "@jest/globals";
import type { HookGrant } from "../../common/api/hookgrant.ts";
import { readProtection } from "../../common/api/protection.ts";
import { entitlement } from "./entitlement.ts";
import type { PodFacts } from "./own-pods.ts";
import type { Profile } from "./profiles.ts";

const profileOf = (name: string, ...annotations: string[]): Profile => ({
  name,
  enforced: true,
  ...readProtection({ protects: { annotations }, enforcement: "Enforce" }),
});
const profiles = [profileOf("cpu-isolation", "schedgate.dev/cpu-isolation"), profileOf("other", "a/b")];
const grantOf = (name: string, spec: Partial<HookGrant["spec"]> = {}): HookGrant => ({
  metadata: { name },
  spec: { profileName: "cpu-isolation", subjects: [{ namespace: "trading" }], ...spec },
});
const pod = (grant: string, more: Partial<PodFacts> = {}): PodFacts => ({
  namespace: "trading",
  serviceAccount: "engine",
  annotations: { "schedgate.dev/cpu-isolation": "enabled", "schedgate.dev/grant": grant },
  isMirror: false,
  isGated: false,
  condition: undefined,
  ...more,
});
const judge = (facts: PodFacts, ...grants: HookGrant[]) => entitlement(facts, "main", profiles, grants);

describe("a container that asks", () => {
  test.each<[string, Partial<HookGrant["spec"]>]>([
    ["its namespace", {}],
    ["its service account", { subjects: [{ namespace: "trading", serviceAccounts: ["engine"] }] }],
    ["it, though it has expired since", { notAfter: "2020-01-01T00:00:00Z" }],
    ["it, though it is full or was set to 0 since", { limits: { pods: 0 } }],
  ])("has a right by a named grant that covers %s", (_, spec) => {
    expect(judge(pod("a,b"), grantOf("b", spec))).toEqual({ right: "HookGrant b" });
  });

  test("may ask for itself alone", () => {
    const own = [profileOf("cpu-isolation", "cpu-isolation.schedgate.dev/*")];
    expect(entitlement(pod("a"), "main", own, [grantOf("a")])).toEqual({ right: "HookGrant a" });
  });

  test.each<[string, HookGrant[]]>([
    ["that is not there", []],
    ["of another namespace", [grantOf("a", { subjects: [{ namespace: "research" }] })]],
    [
      "of another service account",
      [grantOf("a", { subjects: [{ namespace: "trading", serviceAccounts: ["x"] }] })],
    ],
    ["for a profile that does not protect the ask", [grantOf("a", { profileName: "other" })]],
    ["for a profile that is not there", [grantOf("a", { profileName: "lost" })]],
  ])("has no right by a grant %s", (_, grants) => {
    expect(judge(pod("a"), ...grants)).toEqual({
      refusal: expect.stringContaining("its pod names HookGrant a, and none that is there covers"),
    });
  });

  test("has none where its pod names no grant, or is from a file", () => {
    expect(judge(pod(""), grantOf("a"))).toEqual({
      refusal: expect.stringContaining("did not pass schedgate's admission"),
    });
    expect(judge(pod("a", { isMirror: true }), grantOf("a"))).toEqual({
      refusal: expect.stringContaining("it is a static pod"),
    });
  });
});
