import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "@jest/globals";
import { identify, isAlive, parseStat, statOf } from "./identity.ts";

test("a command with blanks and parentheses does not shift the fields", () => {
  const rest = "S 7 40 40 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 987654 0 0";
  expect(parseStat(`42 (a) b (c)) ${rest}`)).toEqual({
    state: "S",
    parent: 7,
    group: 40,
    startTime: "987654",
  });
});

test("text that is no stat line is refused", () => {
  expect(() => parseStat("42 (x) S 1")).toThrow("not a line of /proc/<pid>/stat");
});

test("a process is alive until it ends, and its number alone does not make it so", async () => {
  const child = spawn("sleep", ["60"]);
  const identity = await identify(child.pid ?? 0);
  if (identity === undefined) throw new Error("sleep(1) did not start");
  expect(await isAlive(identity)).toBe(true);
  expect(await isAlive({ ...identity, startTime: "1" })).toBe(false);
  expect(await isAlive({ ...identity, bootId: "another" })).toBe(false);
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(await isAlive(identity)).toBe(false);
  expect(await statOf(identity.pid)).toBeUndefined();
});
