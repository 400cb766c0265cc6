import { spawn } from "node:child_process";
import { chmodSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";

// Of each descriptor its flags too: in octal, 04000 is O_NONBLOCK.
const PROBE = `#!/bin/sh
printf '%s|' "$#" "$@"; echo
cat
env | sort | grep -vE '^(_|SHLVL|PWD|OLDPWD)='
(cd /proc/$$/fdinfo && grep -H flags [0-9])
cat /proc/$$/limits
grep -E '^(Sig(Blk|Ign|Cgt)|Cap|Groups|NoNewPrivs)' /proc/self/status
ulimit -a
pwd
echo "a line for stderr" >&2
exit \${answer:-7}
`;

// The caller still has its descriptors when the call is over: whoever made one non-blocking did it to the caller too.
const CALLER = `ulimit -S -n 99
"$0" "$@"
code=$?
echo after; cd /proc/$$/fdinfo && grep -H flags [0-9]
exit $code`;

/** What came of a call. */
export interface Answer {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Puts a program into a directory that stands where runc stands and tells all that it can know of how it was called. */
export function makeProbe(dir: string): string {
  const probe = join(dir, "probe");
  writeFileSync(probe, PROBE);
  chmodSync(probe, 0o755);
  return probe;
}

/**
 * Runs a program with text on stdin, an odd environment, a further descriptor and a lower limit.
 * @param answer exit code of the probe.
 */
export function call(program: string, args: readonly string[], answer = 7): Promise<Answer> {
  return new Promise((resolve) => {
    const extra = openSync("/dev/null", "r");
    const env = {
      PATH: process.env["PATH"],
      NODE_OPTIONS: "--no-such-option",
      odd: "a b'c\n",
      bundle: "x",
      id: "y",
      answer: String(answer),
    };
    const options = { env, cwd: "/usr", stdio: ["pipe", "pipe", "pipe", "ignore", "ignore", extra] as const };
    const child = spawn("/bin/sh", ["-c", CALLER, program, ...args], options as unknown as { stdio: "pipe" });
    const said: Answer = { code: 0, stdout: "", stderr: "" };
    child.stdout.on("data", (chunk: Buffer) => (said.stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (said.stderr += chunk.toString()));
    child.once("close", (code) => {
      resolve({ ...said, code });
    });
    child.stdin.end("text for the container\n");
  });
}
