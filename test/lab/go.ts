import { exec, must } from "./exec.ts";
import type { Requirement } from "./prerequisites.ts";

/** The Go that builds everything here; apt's is older in most releases. */
export const GO: Requirement = {
  program: "go",
  hint: "Go 1.26 or newer from https://go.dev/dl/ (it builds Kubernetes from the Go module proxy)",
  unfit: async (file) => tooOld((await exec(file, ["env", "GOVERSION", "GOTOOLCHAIN"], { cwd: "/" })).stdout),
};

/**
 * Why this Go, by its `go env GOVERSION GOTOOLCHAIN`, cannot build; undefined where it can. Go 1.21 and newer fetch the
 * release that a module asks for, unless GOTOOLCHAIN forbids it, as some distributions do.
 */
export function tooOld(environment: string): string | undefined {
  const [version = "", toolchain = ""] = environment.split("\n");
  const minor = Number(/^go1\.(\d+)/.exec(version)?.[1] ?? 0);
  if (minor >= 26 || (minor >= 21 && toolchain.endsWith("auto"))) return undefined;
  return `${version === "" ? "this Go" : version} is too old`;
}

/**
 * go(1) in a directory. Static binaries, so that they run in a guest of another release; -mod=mod lets go write go.sum.
 * `niceness`: 19 where nothing waits for it.
 */
export function go(cwd: string, args: readonly string[], niceness = 0): Promise<string> {
  const env = { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-mod=mod" };
  return must("nice", ["-n", String(niceness), "go", ...args], { cwd, env });
}

/** The go.mod of a module whose only dependency is this one; the `tool` lines keep its commands through `go mod tidy` (Go 1.24). */
export function toolModule(module: string, version: string, commands: readonly string[]): string {
  const tools = commands.map((command) => `tool ${module}/cmd/${command}\n`).join("");
  return `module lab\n\ngo 1.26\n\n${tools}\nrequire ${module} ${version}\n`;
}
