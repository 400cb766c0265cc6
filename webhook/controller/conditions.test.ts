import { describe, expect, test } from "@jest/globals";
import { cpuIsolation, grantOf, now, profileOf } from "../policy/testing.ts";
import { judgeGrant, judgeProfile, protectedClasses } from "./conditions.ts";

const classes = new Map(
  ["wrapper:wrapper", "alias:wrapper", "other:other"].map((each) => {
    const [name = "", handler = ""] = each.split(":");
    return [name, { metadata: { name }, handler }];
  }),
);

describe("a profile", () => {
  test("is ready where its class exists and its request is its own", () => {
    expect(judgeProfile(cpuIsolation, [cpuIsolation], classes)).toMatchObject([
      { type: "Ready", status: "True" },
    ]);
    expect(judgeProfile(cpuIsolation, [cpuIsolation], new Map())).toMatchObject([
      { status: "False", reason: "RuntimeClassMissing" },
    ]);
  });

  test("with the request of an older one is told whose it is", () => {
    const younger = profileOf("younger", { request: { annotation: "schedgate.dev/cpu-isolation" } });
    expect(judgeProfile(younger, [cpuIsolation, younger], classes)).toMatchObject([
      {
        status: "False",
        reason: "RequestTaken",
        message: expect.stringContaining("HookProfile cpu-isolation") as unknown,
      },
    ]);
    expect(judgeProfile(cpuIsolation, [cpuIsolation, younger], classes)).toMatchObject([{ status: "True" }]);
  });

  test("lists every class with a protected handler", () => {
    expect(protectedClasses(cpuIsolation, classes)).toEqual(["alias", "wrapper"]);
    expect(protectedClasses(profileOf("none", {}), classes)).toEqual([]);
  });
});

describe("a grant", () => {
  test.each<[Parameters<typeof grantOf>[1], string]>([
    [{}, "Ready=True/Granting"],
    [{ profileName: "gone" }, "Ready=False/ProfileMissing"],
    [{ notAfter: "2026-05-01T00:00:00Z" }, "Ready=False/Expired"],
    [{ limits: { pods: 0 } }, "Ready=False/NoRoom"],
    [{ limits: { isolatedCPUs: 2 } }, "Ready=True/Granting"],
  ])("of %j is %s", (spec, said) => {
    const judged = judgeGrant(grantOf("g", spec), [cpuIsolation], now);
    expect(judged.map((each) => `${each.type}=${each.status}/${each.reason}`).join(" ")).toBe(said);
  });
});
