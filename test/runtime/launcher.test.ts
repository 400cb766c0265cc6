import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { exec } from "../lab/exec.ts";
import { container } from "./container.ts";
import { type Home, makeHome } from "./home.ts";
import { removeCgroups } from "./kernel.ts";

// Stands where runc stands and tells all that a program can know of how it was called.
const PROBE = `#!/bin/sh
printf '%s|' "$#" "$@"; echo
cat
env | sort | grep -vE '^(_|SHLVL|PWD|OLDPWD)='
for fd in /proc/$$/fd/*; do case \${fd##*/} in [0-9]) printf '%s ' "\${fd##*/}" ;; esac; done; echo
cat /proc/$$/limits
grep -E '^(Sig(Blk|Ign|Cgt)|Cap|Groups|NoNewPrivs)' /proc/self/status
ulimit -a
pwd
echo "a line for stderr" >&2
exit 7
`;

interface Answer {
  code: number | null;
  stdout: string;
  stderr: string;
}

let probed: Home;
let real: Home;

beforeAll(async () => {
  real = await makeHome();
  const probe = join(real.dir, "probe");
  writeFileSync(probe, PROBE);
  chmodSync(probe, 0o755);
  probed = await makeHome(probe);
}, 60_000);

afterAll(() => {
  removeCgroups();
  real.remove();
  probed.remove();
});

/** Runs a program with text on stdin, an odd environment, a further descriptor and a lower limit. */
function call(program: string, args: readonly string[]): Promise<Answer> {
  return new Promise((resolve) => {
    const extra = openSync("/dev/null", "r");
    const env = {
      PATH: process.env["PATH"],
      NODE_OPTIONS: "--no-such-option",
      odd: "a b'c\n",
      bundle: "x",
      id: "y",
    };
    const options = { env, cwd: "/usr", stdio: ["pipe", "pipe", "pipe", "ignore", "ignore", extra] as const };
    const limited = ["-c", 'ulimit -S -n 99; exec "$0" "$@"', program, ...args];
    const child = spawn("/bin/sh", limited, options as unknown as { stdio: "pipe" });
    const answer: Answer = { code: 0, stdout: "", stderr: "" };
    child.stdout.on("data", (chunk: Buffer) => (answer.stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (answer.stderr += chunk.toString()));
    child.once("close", (code) => {
      resolve({ ...answer, code });
    });
    child.stdin.end("text for the container\n");
  });
}

describe("a call that is not for a container that asks", () => {
  test.each([
    [["--version"]],
    [["features"]],
    [[]],
    [[""]],
    [["--root", "/run/runc", "--log", "/nonexistent/log.json", "--log-format", "json", "state", "abc"]],
    [["--root=/run/runc", "--systemd-cgroup", "start", "abc"]],
    [["--root", "create", "--log=x y", "delete", "--force", "abc"]],
    [["create", "--bundle", "/usr", "--pid-file", "/nonexistent/p i d", "abc"]],
    [["create", "--bundle=/usr", "--no-pivot", "../abc"]],
    [["start", ".."]],
    [["start", "a/b"]],
    [["exec", "--process", "/tmp/a *", "abc", "sh", "-c", "echo $HOME; create"]],
    [["kill", "abc", "9"]],
    [["update", "--resources=-", "abc"]],
    [["ps", "--format", "json", "abc", "-", "--", "*", "~", "a\nb", "\\"]],
  ])("%j reaches the low-level runtime as it was made", async (args) => {
    const bare = await call(probed.runc, args);
    expect(await call(probed.launcher, args)).toEqual(bare);
    expect(bare.code).toBe(7);
  });

  test("is not looked at where the word stands in another container's arguments only", async () => {
    const answer = await call(probed.launcher, ["exec", "abc", "schedgate.dev/cpu-isolation"]);
    expect(answer).toMatchObject({ code: 7 });
  });
});

describe("a real container that does not ask", () => {
  test("has its stdio, its exit codes and its errors from runc alone", async () => {
    const one = container(real, { id: "plain", cpus: "0", args: ["sleep", "1000"] });
    expect(await one.create()).toMatchObject({ code: 0 });
    expect(await one.start()).toMatchObject({ code: 0, stdout: "", stderr: "" });
    const piped = await exec(
      real.launcher,
      ["--root", join(real.dir, "state"), "exec", "plain", "sh", "-c", "cat; echo e >&2; exit 42"],
      {
        input: "through\n",
      },
    );
    expect(piped).toEqual({ code: 42, stdout: "through\n", stderr: "e\n" });
    const again = await one.create();
    expect(again.code).not.toBe(0);
    await one.remove();
    const gone = ["--root", join(real.dir, "state"), "state", "plain"];
    expect(await exec(real.launcher, gone)).toEqual(await exec(real.runc, gone));
  }, 60_000);
});

describe("a call that would run an asking container without a start of its own", () => {
  test.each(["run", "restore"])("%s is refused on stderr and in the log", async (command) => {
    const one = container(real, { id: `no-${command}`, cpus: "0", ask: "enabled" });
    const answer = await exec(real.launcher, [
      "--root",
      join(real.dir, "state"),
      command,
      "--bundle",
      one.bundle,
      one.id,
    ]);
    expect(answer).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringContaining("use create and start"),
    });
    const logged = await one.run(command, "--bundle", one.bundle, one.id);
    expect(logged).toMatchObject({ code: 1, stdout: "", stderr: "" });
  });
});

describe("a container is told from the runtime's options and its command", () => {
  test.each([
    ["a container named like a command", ["--root", "R"], ["--bundle", "B", "--pid-file", "P"], "create"],
    ["a bundle named like a command", ["--root", "R"], ["--bundle", "create"], "abc"],
    ["a root without a value", ["--root="], ["--bundle=B"], "abc"],
    ["a root named like a command", ["--root", "delete"], ["-b", "B"], "start"],
  ])("%s", async (_, before, after, id) => {
    const bundle = after.includes("create") ? "create" : "B";
    mkdirSync(join(probed.dir, bundle), { recursive: true });
    writeFileSync(join(probed.dir, bundle, "config.json"), '{"annotations":{"schedgate.dev/x":""}}');
    const args = [...before, "create", ...after, id];
    const answer = await exec(probed.launcher, args, { cwd: probed.dir, input: "" });
    expect(answer).toMatchObject({ code: 7, stdout: expect.stringContaining(`${args.join("|")}|`) });
    expect(readFileSync(join(probed.run, "asks", id, "ask"), "utf8").split("\n")[0]).toBe(
      join(probed.dir, bundle),
    );
    expect(statSync(join(probed.run, "asks", id)).mode & 0o777).toBe(0o700);
  });
});
