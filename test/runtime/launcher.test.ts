import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { exec } from "../lab/exec.ts";
import { container } from "./container.ts";
import { type Home, makeHome } from "./home.ts";
import { removeCgroups } from "./kernel.ts";
import { call, makeProbe } from "./probe.ts";

let probed: Home;
let real: Home;

beforeAll(async () => {
  real = await makeHome();
  probed = await makeHome(makeProbe(real.dir));
}, 60_000);

afterAll(() => {
  removeCgroups();
  real.remove();
  probed.remove();
});

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
    expect(bare.stdout).toMatch(/\n0:flags:\t0\d*\n/); // else nothing was compared
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
    const told = async (program: string): Promise<object> => {
      const { code, stdout, stderr } = await exec(program, gone);
      return { code, stdout, stderr: stderr.replace(/time="[^"]*" /, "") };
    };
    expect(await told(real.launcher)).toEqual(await told(real.runc));
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

test("a create of a container that asks reaches the low-level runtime as it was made, and is noted", async () => {
  const { bundle } = container(probed, { id: "asking", cpus: "0", ask: "enabled" });
  const args = ["--root", "R", "create", "--bundle", bundle, "--pid-file", join(bundle, "pid"), "asking"];
  const bare = await call(probed.runc, args);
  expect(await call(probed.launcher, args)).toEqual(bare);
  expect(bare.code).toBe(7);
  expect(existsSync(join(probed.run, "asks/asking/ask"))).toBe(true);
  // Root's alone, whatever umask the runtime has.
  for (const dir of ["asks", "asks/asking"]) expect(statSync(join(probed.run, dir)).mode & 0o777).toBe(0o700);
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
  });
});
