import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { statOf } from "./identity.ts";
import { openProcesses } from "./processes.ts";
import { waitFor } from "./wait.ts";

let stateDir = "";
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "processes-"));
});
afterEach(async () => {
  await openProcesses(stateDir).endAll();
  await rm(stateDir, { recursive: true });
});

test("what one process started another one finds and ends", async () => {
  await openProcesses(stateDir).start({ name: "sleeper", command: "sleep", args: ["60"] });
  const later = openProcesses(stateDir);
  expect(await later.alive("sleeper")).toBe(true);
  expect(await later.endAll()).toEqual(["sleeper"]);
  expect(await later.alive("sleeper")).toBe(false);
  expect(await later.endAll()).toEqual([]);
});

test("many started at once are all written down", async () => {
  const processes = openProcesses(stateDir);
  const names = ["a", "b", "c", "d", "e"];
  await Promise.all(names.map((name) => processes.start({ name, command: "sleep", args: ["60"] })));
  expect((await openProcesses(stateDir).endAll()).sort()).toEqual(names);
});

test("the program of a killed supervisor is ended too", async () => {
  const processes = openProcesses(stateDir);
  const spec = { name: "kept", command: "sleep", args: ["60"], supervised: true };
  const { pid } = await processes.start(spec);
  await waitFor({ what: "child", timeoutMs: 10_000 }, async () =>
    (await childOf(pid)) === undefined ? undefined : true,
  );
  const child = (await childOf(pid)) ?? 0;
  process.kill(pid, "SIGKILL");
  expect(await processes.endAll()).toEqual(["kept"]);
  expect((await statOf(child))?.state ?? "gone").toMatch(/gone|Z/);
});

async function childOf(pid: number): Promise<number | undefined> {
  const text = (await readFile(`/proc/${pid}/task/${pid}/children`, "utf8")).trim();
  return text === "" ? undefined : Number(text.split(" ")[0]);
}

test("a program that cannot be started is named", async () => {
  const spec = { name: "none", command: "/nonexistent", args: [] };
  await expect(openProcesses(stateDir).start(spec)).rejects.toThrow("cannot start none (/nonexistent)");
});
