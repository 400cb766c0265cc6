import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type Output, exec } from "../lab/exec.ts";
import { container } from "./container.ts";
import { type Home, configure, makeHome } from "./home.ts";
import { changedSettings, isolatedCpus, lastCpu, removeCgroups, settings } from "./kernel.ts";

let home: Home;
let before: Map<string, string>;

beforeAll(async () => {
  expect(isolatedCpus()).toBe("");
  before = settings();
  home = await makeHome();
}, 60_000);

afterAll(() => {
  removeCgroups();
  home.remove();
});

function node(command: string): Promise<Output> {
  return exec(home.nodeCommand, [command]);
}

test("schedgate-node tells for whom CPUs are isolated, mends, gives all back, and names what is wrong", async () => {
  expect(await node("status")).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("no CPU is isolated"),
  });
  const one = container(home, { id: "told", cpus: lastCpu, ask: "enabled" });
  await one.create();
  expect(await one.start()).toMatchObject({ code: 0 });
  expect(await node("reconcile")).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(`test/told/main (told): CPUs ${lastCpu} isolated since`),
  });
  const entry = join(home.run, "ledger/told.json");
  writeFileSync(entry, "{");
  expect(await node("reconcile")).toMatchObject({
    stdout: expect.stringContaining(`its ledger entry was lost: CPUs ${lastCpu} isolated again`),
  });
  expect(isolatedCpus()).toBe(lastCpu);
  rmSync(`${entry}.unusable`);
  rmSync(join(home.run, "ledger"), { recursive: true });
  expect(await node("reconcile")).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(`its ledger entry was lost: CPUs ${lastCpu} isolated again`),
  });
  expect(isolatedCpus()).toBe(lastCpu);
  expect(await node("doctor")).toMatchObject({
    code: 1,
    stdout: expect.stringContaining("wrong: the runtime handler is not registered"),
  });
  expect(await node("restore")).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(`container told no longer owns CPUs ${lastCpu}`),
  });
  expect(isolatedCpus()).toBe("");
  expect(changedSettings(before)).toEqual([]);
  expect(existsSync(join(home.run, "before.json"))).toBe(false);
  // What a person gave back is not taken for lost.
  expect(await node("reconcile")).toMatchObject({ stdout: expect.stringContaining("no CPU is isolated") });
  expect((await one.run("state", "told")).stdout).toContain('"status": "running"');
  await one.remove();
}, 60_000);

test("schedgate-node says in words that the kernel has no way", async () => {
  configure(home, "schedgate_cgroup_root=/nonexistent");
  expect(await node("doctor")).toMatchObject({
    code: 1,
    stdout: expect.stringContaining("wrong: this kernel cannot isolate CPUs: neither"),
  });
  expect(await node("status")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("cannot isolate CPUs"),
  });
  expect(await node("")).toMatchObject({ code: 2, stderr: expect.stringContaining("usage") });
  configure(home);
}, 60_000);
