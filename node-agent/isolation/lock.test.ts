import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { fileLock } from "./lock.ts";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "schedgate-unit-"));
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

describe("work under the lock", () => {
  test("is done one after another, in the order of the calls, also after one that failed", async () => {
    const lock = fileLock(join(dir, "lock"));
    const done: string[] = [];
    const work = (name: string) => async (): Promise<void> => {
      done.push(`${name} begins`);
      await new Promise((resolve) => setImmediate(resolve));
      done.push(`${name} ends`);
      if (name === "a") throw new Error("a failed");
    };
    const all = await Promise.allSettled(["a", "b", "c"].map((name) => lock(work(name))));
    expect(all.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "fulfilled"]);
    expect(done).toEqual(["a", "b", "c"].flatMap((name) => [`${name} begins`, `${name} ends`]));
  });

  test("waits for another that holds the same file", async () => {
    let free: () => void = () => undefined;
    let held: Promise<void> = Promise.resolve();
    await new Promise<void>((begun) => {
      held = fileLock(join(dir, "lock"))(() => {
        begun();
        return new Promise((resolve) => (free = resolve));
      });
    });
    const done: string[] = [];
    const waiting = fileLock(join(dir, "lock"))(() => Promise.resolve(done.push("later")));
    await new Promise((resolve) => setTimeout(resolve, 20)); // enough to be wrong
    done.push("first");
    free();
    await Promise.all([held, waiting]);
    expect(done).toEqual(["first", "later"]);
  });

  test("of several processes loses no update of theirs", async () => {
    const count = join(dir, "count");
    writeFileSync(count, "0");
    const program = `
      import { readFileSync, writeFileSync } from "node:fs";
      import { setImmediate } from "node:timers/promises";
      import { fileLock } from ${JSON.stringify(join(import.meta.dirname, "lock.ts"))};
      const [path, count] = process.argv.slice(1);
      const lock = fileLock(path);
      for (let turn = 0; turn < 10; turn += 1)
        await lock(async () => {
          const read = Number(readFileSync(count, "utf8"));
          await setImmediate();
          writeFileSync(count, String(read + 1));
        });`;
    const one = async (): Promise<unknown> => {
      const how = ["--input-type=module", "-e", program, join(dir, "lock"), count];
      return once(spawn(process.execPath, how, { stdio: "inherit" }), "exit");
    };
    expect(await Promise.all([one(), one(), one()])).toEqual([0, 0, 0].map((code) => [code, null]));
    expect(readFileSync(count, "utf8")).toBe("30");
  }, 60_000);

  test("says what is missing where there is no flock", async () => {
    const lock = fileLock(join(dir, "lock"), join(dir, "flock"));
    await expect(lock(() => Promise.resolve())).rejects.toThrow("(util-linux)");
  });
});
