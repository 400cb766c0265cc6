import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "@jest/globals";

const root = join(import.meta.dirname, "..");

/** Runs a program of the image with this environment alone. */
function start(program: string, env: NodeJS.ProcessEnv) {
  const { status, stdout } = spawnSync(process.execPath, [join(root, program)], { env, encoding: "utf8" });
  const lines = stdout.trim().split("\n");
  return { status, lines, said: JSON.parse(lines.at(-1) ?? "") as Record<string, unknown> };
}

test.each([
  ["webhook/main.ts", "KUBERNETES_SERVICE_HOST is not set"],
  ["node-agent/daemon/main.ts", "NODE_NAME is not set"],
])("%s started wrongly ends with one log line that says what is missing", (program, message) => {
  const { status, lines, said } = start(program, {});
  expect(status).toBe(1);
  expect(lines).toHaveLength(1);
  expect(said).toMatchObject({ level: "error", error: expect.stringContaining(message) });
  expect(said).not.toHaveProperty("stack");
});
