import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { lowLevelRuntimeScript, needsLowLevelRuntime } from "./low-level-runtime.ts";

const full = {
  process: {
    args: ["true"],
    capabilities: {
      bounding: ["CAP_KILL", "CAP_SYS_RESOURCE"],
      effective: ["CAP_SYS_RESOURCE", "CAP_SYS_TIME"],
    },
    oomScoreAdj: -997,
    selinuxLabel: "",
  },
  linux: {
    resources: { cpu: { cpus: "1" }, hugepageLimits: [{ pageSize: "2MB", limit: 0 }], pids: { limit: 5 } },
  },
};
const last = { process: { args: [], oomScoreAdj: 3 }, linux: { resources: { cpu: {}, hugepageLimits: [] } } };

function runScript(spec: object, indent: string, ...args: string[]): { printed: string; config: unknown } {
  const directory = mkdtempSync(join(tmpdir(), "lab-runc-"));
  const script = join(directory, "script");
  const file = join(directory, "config.json");
  writeFileSync(script, lowLevelRuntimeScript("/bin/echo"));
  writeFileSync(file, JSON.stringify(spec, undefined, indent));
  const filled = args.map((arg) => arg.replace("DIR", directory));
  const printed = execFileSync("/bin/sh", [script, ...filled], { encoding: "utf8" }).trim();
  return {
    printed: printed.replace(directory, "DIR"),
    config: JSON.parse(readFileSync(file, "utf8")) as unknown,
  };
}

const CREATE = ["--root", "/r", "create", "--bundle", "DIR", "an id"];

describe("lowLevelRuntimeScript", () => {
  test.each([
    ["compact", ""],
    ["indented", "\t"],
  ])("drops what the kernel refuses from a %s config.json and becomes runc", (_name, indent) => {
    const { printed, config } = runScript(full, indent, ...CREATE);
    expect(printed).toBe("--root /r create --bundle DIR an id");
    expect(config).toEqual({
      process: {
        args: ["true"],
        capabilities: { bounding: ["CAP_KILL"], effective: ["CAP_SYS_TIME"] },
        selinuxLabel: "",
      },
      linux: { resources: { cpu: { cpus: "1" }, pids: { limit: 5 } } },
    });
  });

  test("leaves valid JSON where they are the last members", () => {
    expect(runScript(last, "", ...CREATE).config).toEqual({
      process: { args: [] },
      linux: { resources: { cpu: {} } },
    });
  });

  test("does the same to the process file of an exec", () => {
    const { printed, config } = runScript(
      { user: {}, oomScoreAdj: 1 },
      "",
      "exec",
      "--process",
      "DIR/config.json",
      "an id",
    );
    expect(printed).toBe("exec --process DIR/config.json an id");
    expect(config).toEqual({ user: {} });
  });

  test("touches nothing where no file is named", () => {
    expect(runScript(full, "", "start", "an id")).toEqual({ printed: "start an id", config: full });
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
