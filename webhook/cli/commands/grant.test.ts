import { describe, expect, test } from "@jest/globals";
import { call } from "../testing.ts";

describe("grant", () => {
  test("prints a grant for a namespace", async () => {
    expect(await call(["grant", "trading", "--profile", "cpu-isolation"])).toEqual({
      code: 0,
      stderr: "",
      stdout: `apiVersion: schedgate.dev/v1alpha1
kind: HookGrant
metadata:
  name: trading
spec:
  profileName: cpu-isolation
  subjects:
    - namespace: trading
`,
    });
  });

  test("prints all that it can hold, as JSON too", async () => {
    const limits = ["--pods", "10", "--cpus", "8", "--not-after", "2027-01-01T00:00:00Z", "--name", "n"];
    const { stdout } = await call(["grant", "trading/engine", "--profile", "p", ...limits, "-o", "json"]);
    expect(JSON.parse(stdout)).toEqual({
      apiVersion: "schedgate.dev/v1alpha1",
      kind: "HookGrant",
      metadata: { name: "n" },
      spec: {
        profileName: "p",
        subjects: [{ namespace: "trading", serviceAccounts: ["engine"] }],
        limits: { pods: 10, isolatedCPUs: 8 },
        notAfter: "2027-01-01T00:00:00Z",
      },
    });
  });

  test.each<[string, string[], string]>([
    ["nobody", ["--profile", "p"], "say to whom: NAMESPACE or NAMESPACE/SERVICEACCOUNT"],
    ["an empty account", ["a/", "--profile", "p"], "say to whom"],
    ["two", ["a", "b", "--profile", "p"], '"b" is too much'],
    ["no profile", ["a"], "--profile is missing"],
    ["a name that cannot be", ["A", "--profile", "p"], '"A" cannot be a name'],
    ["a namespace with a dot", ["a.b", "--profile", "p"], "namespace"],
    ["a limit that is none", ["a", "--profile", "p", "--pods", "1.5"], "--pods must be a whole number"],
    ["a limit beyond the schema's", ["a", "--profile", "p", "--cpus", "2000000"], "isolatedCPUs"],
    [
      "a day in place of an instant",
      ["a", "--profile", "p", "--not-after", "2027-01-01"],
      "must be an instant",
    ],
    [
      "an end that has passed",
      ["a", "--profile", "p", "--not-after", "2026-05-31T00:00:00Z"],
      "has passed already",
    ],
  ])("refuses %s with one line", async (_, args, line) => {
    const { code, stdout, stderr } = await call(["grant", ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^schedgate grant: [^\n]*\(see schedgate grant --help\)\n$/);
    expect(stderr).toContain(line);
  });
});
