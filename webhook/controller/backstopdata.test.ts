import { describe, expect, test } from "@jest/globals";
import { cpuIsolation, grantOf, now, profileOf } from "../policy/testing.ts";
import { backstopData } from "./backstopdata.ts";
import type { Law } from "./backstopdata.ts";

// That the API server judges by these as meant is shown in test/apiserver/backstop.test.ts.
function dataOf(law: Partial<Law>): Record<string, string> {
  return backstopData({ profiles: [cpuIsolation], grants: [], classes: [], now, ...law }).data;
}

const classes = [
  { metadata: { name: "wrapper" }, handler: "wrapper" },
  { metadata: { name: "plain" }, handler: "runc" },
];

describe("the parameters of the backstop", () => {
  test("of the default profile", () => {
    expect(dataOf({ classes })).toEqual({
      profiles: [
        "cpu-isolation",
        "1",
        "schedgate.dev/cpu-isolation",
        "cpu-isolation.schedgate.dev/",
        "cpu-load-balancing.crio.io schedgate.dev/cpu-isolation",
        "cpu-isolation.schedgate.dev/ cpu-load-balancing.crio.io/",
        "",
      ].join("\t"),
      classes: "plain\t\nwrapper\tcpu-isolation",
    });
  });

  test("are none where no profile enforces", () => {
    const profiles = [profileOf("a", { protects: { runtimeHandlers: ["x"] }, enforcement: "Warn" })];
    expect(dataOf({ profiles, classes })).toEqual({});
  });

  test("name no class where no profile protects handlers", () => {
    expect(dataOf({ profiles: [profileOf("a", { protects: { annotations: ["a/b"] } })], classes })).toEqual({
      profiles: "a\t\t\t\ta/b\t\t",
    });
  });

  test("hold what is granted by namespace, without grants that grant nothing", () => {
    const grants = [
      grantOf("all"),
      grantOf("two", { subjects: [{ namespace: "web", serviceAccounts: ["b", "a"] }] }),
      grantOf("until", { subjects: [{ namespace: "web" }], notAfter: "2027-01-01T00:00:00Z" }),
      grantOf("over", { subjects: [{ namespace: "old" }], notAfter: now.toISOString() }),
      grantOf("zero", { subjects: [{ namespace: "zero" }], limits: { pods: 0 } }),
      grantOf("other", { profileName: "unknown", subjects: [{ namespace: "zero" }] }),
    ];
    const { profiles: _, classes: __, ...granted } = dataOf({ grants });
    expect(granted).toEqual({
      "ns.trading": "cpu-isolation/*",
      "ns.web": "cpu-isolation/*/2027-01-01T00:00:00Z cpu-isolation/a cpu-isolation/b",
    });
  });

  test("are the same text whatever the order of profiles, grants and classes", () => {
    const profiles = [cpuIsolation, profileOf("a", { protects: { runtimeHandlers: ["runc"] } })];
    const grants = [grantOf("b"), grantOf("a", { profileName: "a" })];
    expect(JSON.stringify(dataOf({ profiles, grants, classes }))).toBe(
      JSON.stringify(
        dataOf({
          profiles: profiles.toReversed(),
          grants: grants.toReversed(),
          classes: classes.toReversed(),
        }),
      ),
    );
  });

  test.each([
    ["vendor.example/pin-*", "vendor.example/pin-|^vendor\\x2eexample/pin-[^/]*$"],
    ["a b", "a|^a\\x20b$"],
    ["*x", "|^[^/]*x$"],
    ["a|b*", "a|^a\\x7cb[^/]*$"],
  ])("keep apart what is no plain key: %s", (glob, pattern) => {
    const { profiles } = dataOf({ profiles: [profileOf("a", { protects: { annotations: [glob] } })] });
    expect(profiles).toBe(`a\t\t\t\t\t\t${pattern}`);
  });

  test("leave out patterns that would cost ordinary pods too much, and say so", () => {
    const annotations = [`*${"a".repeat(1_500)}`, `*${"b".repeat(1_500)}`, "x/y"];
    const { data, leftOut } = backstopData({
      profiles: [profileOf("a", { protects: { annotations } })],
      grants: [],
      classes: [],
      now,
    });
    expect(leftOut).toEqual([`^[^/]*${"b".repeat(1_500)}$`]);
    expect(data["profiles"]).toContain("x/y");
    expect(data["profiles"]).not.toContain("bbb");
  });
});
