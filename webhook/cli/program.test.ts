import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { BUILT_IN } from "../policy/builtin.ts";
import { call } from "./testing.ts";
import type { Called } from "./testing.ts";

const main = join(import.meta.dirname, "main.ts");
const manifests = join(import.meta.dirname, "../../manifests/base");

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "schedgate-cli-"));
  symlinkSync(main, join(folder, "schedgate"));
  symlinkSync(main, join(folder, "kubectl_complete-schedgate"));
  writeFileSync(join(folder, "pod.json"), JSON.stringify(podOf("engine")));
  writeFileSync(join(folder, "grant.yaml"), granted);
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const granted = `{apiVersion: schedgate.dev/v1alpha1, kind: HookGrant, metadata: {name: g},
spec: {profileName: cpu-isolation, subjects: [{namespace: trading}]}}`;

function podOf(name: string, namespace = "trading"): object {
  const resources = { limits: { cpu: "2", memory: "1Gi" } };
  const annotations = { "schedgate.dev/cpu-isolation": "enabled" };
  const spec = { containers: [{ name: "main", image: "x", resources }] };
  return { apiVersion: "v1", kind: "Pod", metadata: { name, namespace, annotations }, spec };
}

/** Runs a real process in the folder, without any kubeconfig. */
function run(command: string, args: string[], input = ""): Promise<Called> {
  const path = [folder, dirname(process.execPath), "/usr/bin", "/bin"].join(delimiter);
  const child = spawn(command, args, { cwd: folder, env: { PATH: path }, stdio: "pipe" });
  const [out, err]: [string[], string[]] = [[], []];
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => err.push(chunk.toString()));
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      resolve({ code: code ?? -1, stdout: out.join(""), stderr: err.join("") });
    });
  });
}

describe("the program as a process", () => {
  test.each<[string, string[], string, number]>([
    ["0 where all is allowed", ["check", "-f", "pod.json", "--grants", "grant.yaml"], "", 0],
    [
      "1 where one is refused",
      ["check", "-f", "-", "--grants", "grant.yaml"],
      JSON.stringify(podOf("a", "x")),
      1,
    ],
    ["2 for what cannot be read", ["check", "-f", "-", "--grants", "grant.yaml"], "a: [", 2],
    ["2 for a file that is not there", ["check", "-f", "none", "--grants", "grant.yaml"], "", 2],
    ["2 for a command that is none", ["chekc"], "", 2],
    ["2 without a cluster", ["status"], "", 2],
    ["2 for a kubeconfig that is not there", ["status", "--kubeconfig", "none"], "", 2],
  ])(
    "exits with %s",
    async (_, args, input, code) => {
      const result = await run("schedgate", args, input);
      expect(result.code).toBe(code);
      // One line for people, and only where it failed.
      expect(result.stderr).toMatch(code === 2 ? /^schedgate[^\n]+\n$/ : /^$/);
    },
    60_000,
  );

  test("bash completes by the script that it prints", async () => {
    const { stdout: script } = await run("schedgate", ["completion", "bash"]);
    const ask = (words: string): string =>
      `COMP_WORDS=(${words}); COMP_CWORD=$((\${#COMP_WORDS[@]}-1)); _schedgate; echo "\${COMPREPLY[@]}"`;
    const lines = [
      script,
      "compopt() { echo files; }",
      ask("schedgate c"),
      ask("schedgate check -o ''"),
      ask("schedgate check -f ''"),
    ];
    const { stdout, stderr } = await run("bash", ["--norc", "-c", lines.join("\n")]);
    expect({ stdout, stderr }).toEqual({ stdout: "check completion\njson yaml\nfiles\n\n", stderr: "" });
  }, 60_000);

  test("under kubectl's name for it, it completes", async () => {
    const { stdout } = await run("kubectl_complete-schedgate", ["explain", "--na"]);
    expect(stdout).toBe("--namespace\tdefault: that of the context\n:4\n");
  }, 60_000);
});

describe("completion", () => {
  test.each<[string[], string[]]>([
    [["gr"], ["grant"]],
    [["check", "--p"], ["--profiles"]],
    [["check", "-o", "j"], ["json"]],
    [
      ["completion", ""],
      ["bash", "zsh", "fish"],
    ],
    [["nothing", ""], []],
  ])("%j", async (words, expected) => {
    const { stdout } = await call(["__complete", ...words]);
    expect(
      stdout
        .split("\n")
        .slice(0, -2)
        .map((line) => line.split("\t")[0]),
    ).toEqual(expected);
    expect(stdout).toMatch(/:4\n$/);
  });

  test.each([[["check", "-f", ""]], [["check", "-f", "a", ""]], [["check", "-f", "a", "--grants", "x"]]])(
    "%j takes files",
    async (words) => {
      expect((await call(["__complete", ...words])).stdout).toBe(":0\n");
    },
  );
});

describe("help", () => {
  test.each(["check", "grant", "status", "explain", "completion"])(
    "of %s has its usage and examples",
    async (name) => {
      const { code, stdout } = await call([name, "--help"]);
      expect(code).toBe(0);
      expect(stdout).toContain(`Usage: schedgate ${name}`);
      expect(stdout).toMatch(new RegExp(`Examples:\n  # .+\n  .*schedgate ${name}`));
      expect(await call(["help", name])).toEqual({ code, stdout, stderr: "" });
    },
  );

  test("of the program names every command", async () => {
    const { code, stdout } = await call(["--help"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/ {2}check .*\n {2}grant .*\n {2}status .*\n {2}explain .*\n {2}completion /);
  });

  test("--version", async () => {
    expect((await call(["--version"])).stdout).toBe("schedgate 1.2.3\n");
  });
});

test("what stands for the installation is what the manifests install", () => {
  const read = (name: string): Record<string, unknown> =>
    parse(readFileSync(join(manifests, `${name}.yaml`), "utf8")) as Record<string, unknown>;
  expect(read("hookprofile")).toMatchObject(BUILT_IN.profile);
  expect(read("hookprofile")["spec"]).toEqual(BUILT_IN.profile.spec);
  expect(read("runtimeclass")).toMatchObject(BUILT_IN.runtimeClass);
});
