import { must } from "./exec.ts";

/** go(1) in a directory. Static binaries, so that they run in a guest of another release; -mod=mod lets go write go.sum. */
export function go(cwd: string, args: readonly string[]): Promise<string> {
  return must("go", args, { cwd, env: { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-mod=mod" } });
}

/** The go.mod of a module whose only dependency is this one; the `tool` lines keep its commands through `go mod tidy` (Go 1.24). */
export function toolModule(module: string, version: string, commands: readonly string[]): string {
  const tools = commands.map((command) => `tool ${module}/cmd/${command}\n`).join("");
  return `module lab\n\ngo 1.26\n\n${tools}\nrequire ${module} ${version}\n`;
}
