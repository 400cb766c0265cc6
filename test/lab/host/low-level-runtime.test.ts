import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { lowLevelRuntimeScript, needsLowLevelRuntime } from "./low-level-runtime.ts";

const full = {
  process: { args: ["true"], oomScoreAdj: -997, selinuxLabel: "" },
  linux: {
    resources: { cpu: { cpus: "1" }, hugepageLimits: [{ pageSize: "2MB", limit: 0 }], pids: { limit: 5 } },
  },
};
const last = { process: { args: [], oomScoreAdj: 3 }, linux: { resources: { cpu: {}, hugepageLimits: [] } } };

function runScript(spec: object, indent: string): { printed: string; config: unknown } {
  const directory = mkdtempSync(join(tmpdir(), "lab-runc-"));
  const script = join(directory, "script");
  writeFileSync(script, lowLevelRuntimeScript("/bin/echo"));
  writeFileSync(join(directory, "config.json"), JSON.stringify(spec, undefined, indent));
  const args = [script, "--root", "/r", "create", "--bundle", directory, "an id"];
  const printed = execFileSync("/bin/sh", args, { encoding: "utf8" }).trim();
  const config: unknown = JSON.parse(readFileSync(join(directory, "config.json"), "utf8"));
  return { printed: printed.replace(directory, "DIR"), config };
}

describe("lowLevelRuntimeScript", () => {
  test.each([
    ["compact", ""],
    ["indented", "\t"],
  ])("drops what the kernel refuses from a %s config.json and becomes runc", (_name, indent) => {
    const { printed, config } = runScript(full, indent);
    expect(printed).toBe("--root /r create --bundle DIR an id");
    expect(config).toEqual({
      process: { args: ["true"], selinuxLabel: "" },
      linux: { resources: { cpu: { cpus: "1" }, pids: { limit: 5 } } },
    });
  });

  test("leaves valid JSON where they are the last members", () => {
    expect(runScript(last, "").config).toEqual({ process: { args: [] }, linux: { resources: { cpu: {} } } });
  });
});

describe("needsLowLevelRuntime", () => {
  test.each([
    [true, true, false],
    [false, true, true],
    [true, false, true],
  ])("lowersOomScore %s and hugetlb %s: %s", (lowersOomScore, hugetlb, expected) => {
    expect(needsLowLevelRuntime({ cgroup: 1, runc: "/runc", overlay: true, lowersOomScore, hugetlb })).toBe(
      expected,
    );
  });
});
