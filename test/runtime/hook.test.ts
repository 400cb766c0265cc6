import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { exec } from "../lab/exec.ts";
import { ensurePrograms } from "../lab/prerequisites.ts";
import { type Home, configure, makeHome } from "./home.ts";

let home: Home;
beforeAll(async () => {
  await ensurePrograms([{ program: "busybox", package: "busybox-static" }], () => undefined);
  home = await makeHome();
}, 60_000);
afterEach(() => {
  configure(home);
});
afterAll(() => {
  home.remove();
});

describe("a hook at the end of a container", () => {
  test.each([
    ["can do nothing here", JSON.stringify({ id: "ended", bundle: "/b", status: "stopped" })],
    ["gets no state", ""],
  ])("that %s notes it, and lets the runtime's delete go well", async (_, input) => {
    configure(home, "schedgate_cgroup_root=/nonexistent");
    expect(await exec(home.hook, ["poststop"], { input })).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(readFileSync(join(home.run, "companion.log"), "utf8")).toContain("poststop: ");
  });

  test("whose companion is killed says so, and lets the runtime's delete go well", async () => {
    configure(home, "schedgate_companion_seconds=0.001");
    const input = JSON.stringify({ id: "ended", bundle: "/b" });
    expect(await exec(home.hook, ["poststop"], { input })).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("the companion was killed"),
    });
  });

  test("forgets containers whose bundle is gone, also where no daemon runs", async () => {
    note("gone", "/nonexistent");
    note("there", bundle("there"));
    expect(
      await exec(home.hook, ["poststop"], { input: JSON.stringify({ id: "ended", bundle: "/b" }) }),
    ).toMatchObject({
      code: 0,
    });
    expect(["gone", "there"].map((id) => existsSync(join(home.run, "asks", id)))).toEqual([false, true]);
  });
});

describe("a hook at the create of a container", () => {
  test.each([[""], ["/nonexistent"]])("gets its state whatever the runtime's PATH is: %j", async (path) => {
    const input = JSON.stringify({ id: "created", pid: 1, bundle: "/nonexistent" });
    expect(await exec(home.hook, ["createRuntime"], { input, env: { PATH: path } })).toEqual({
      code: 1,
      stdout: "",
      stderr: expect.stringContaining("cannot read the bundle's /nonexistent/config.json"),
    });
  });

  test.each(["/bin/sh", "/bin/busybox ash", "/bin/bash"])(
    "is done soon in %s, also with a MiB of annotations, before or after the runtime's own words",
    async (shell) => {
      const text = readFileSync(home.hook, "utf8");
      writeFileSync(home.hook, text.replace("#!/bin/sh", `#!${shell}`));
      const own = { id: "large", pid: 1, bundle: bundle("large") };
      const annotations = { large: "x".repeat(1 << 20) };
      for (const state of [
        { ...own, annotations },
        { annotations, ...own },
      ]) {
        const options = { input: JSON.stringify(state), timeoutMs: 10_000 };
        expect(await exec(home.hook, ["createRuntime"], options)).toEqual({
          code: 0,
          stdout: "",
          stderr: "",
        });
      }
      writeFileSync(home.hook, text);
    },
    60_000,
  );

  test.each([
    ["names another bundle", (id: string) => ({ id, bundle: bundle("other") })],
    ["names an escaped bundle", (id: string) => ({ id, bundle: bundle('quo"ted') })],
    ["has its id in the beginning of its own", (id: string) => ({ id: `${id},x`, bundle: bundle("other") })],
  ])("leaves a launcher's note as it is where its state %s", async (what, state) => {
    const id = what.replaceAll(" ", "-");
    const before = note(id, bundle(id));
    await exec(home.hook, ["createRuntime"], { input: JSON.stringify({ ...state(id), pid: 1 }) });
    expect(readdirSync(join(home.run, "asks", id))).toEqual(["ask"]);
    expect(readFileSync(join(home.run, "asks", id, "ask"), "utf8")).toBe(before);
  });
});

/** The path of a bundle that asks for nothing. */
function bundle(name: string): string {
  const dir = join(home.dir, "bundles", name);
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "config.json"), "{}");
  return dir;
}

/** A launcher's note; its text. */
function note(id: string, bundlePath: string): string {
  const text = `${bundlePath}\n${bundlePath}/init.pid\n\n`;
  mkdirSync(join(home.run, "asks", id), { recursive: true });
  writeFileSync(join(home.run, "asks", id, "ask"), text);
  return text;
}
