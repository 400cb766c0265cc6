import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { openProcesses } from "./processes.ts";
import { restartSupervised } from "./supervised.ts";

let stateDir = "";
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "supervised-"));
});
afterEach(async () => {
  await openProcesses(stateDir).endAll();
  await rm(stateDir, { recursive: true });
});

test("the program of a supervisor is another process after a restart; the supervisor is the same", async () => {
  const processes = openProcesses(stateDir);
  const { pid } = await processes.start({ name: "kept", command: "sleep", args: ["60"], supervised: true });
  await restartSupervised(processes, "kept");
  await restartSupervised(processes, "kept");
  expect((await processes.find("kept"))?.pid).toBe(pid);
});

test("what nobody supervises is named", async () => {
  await expect(restartSupervised(openProcesses(stateDir), "none")).rejects.toThrow("none is not supervised");
});
