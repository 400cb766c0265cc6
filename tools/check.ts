// npm run check: everything that can be judged without running the product, side by side, in seconds.
import { spawn } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");

const checks: Record<string, string[]> = {
  types: ["tsc", "-p", "."],
  lint: ["eslint", "--cache", "--cache-location", "node_modules/.cache/eslint/", "."],
  format: ["prettier", "--check", "--cache", "--log-level", "warn", "."],
  "dead code": ["knip", "--no-progress"],
  arrows: ["depcruise", "common", "certs", "webhook", "node-agent", "test", "tools"],
  generated: ["node", "tools/generate.ts", "--check"],
};

/** Runs one check and keeps its output until it ended, so that checks side by side stay readable. */
function check(name: string, [command = "", ...args]: string[]): Promise<boolean> {
  const started = Date.now();
  const path = `${join(root, "node_modules/.bin")}:${process.env["PATH"] ?? ""}`;
  const child = spawn(command, args, { cwd: root, env: { ...process.env, PATH: path } });
  const output: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => output.push(chunk));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      const seconds = ((Date.now() - started) / 1000).toFixed(1);
      process.stdout.write(`${code === 0 ? "ok  " : "FAIL"} ${name} (${seconds} s)\n`);
      if (code !== 0) process.stdout.write(Buffer.concat(output));
      resolve(code === 0);
    });
  });
}

const results = await Promise.all(Object.entries(checks).map(([name, command]) => check(name, command)));
process.exitCode = results.every(Boolean) ? 0 : 1;
