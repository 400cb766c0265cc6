import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { cacheName, cacheRoot, openCache } from "./cache.ts";

describe("the name of a cached thing", () => {
  test("differs with thing, version and recipe, and with nothing else", () => {
    const key = { thing: "guest", version: "v1.36.3", recipe: { flags: ["-s", "-w"] } };
    const names = [
      cacheName(key),
      cacheName({ ...key, thing: "kernel" }),
      cacheName({ ...key, version: "v1.36.4" }),
      cacheName({ ...key, recipe: { flags: ["-s"] } }),
    ];
    expect(new Set(names).size).toBe(4);
    expect(cacheName({ ...key, recipe: { flags: ["-s", "-w"] } })).toBe(names[0]);
  });

  test("is one folder name whatever the version holds", () => {
    expect(cacheName({ thing: "x", version: "../a b", recipe: 1 })).toMatch(/^x-\.\._a_b-[0-9a-f]{12}$/);
  });
});

test.each([
  [{ SCHEDGATE_CACHE: "/c", XDG_CACHE_HOME: "/x" }, "/c"],
  [{ SCHEDGATE_CACHE: "", XDG_CACHE_HOME: "/x" }, "/x/schedgate"],
])("the cache of %j is %s", (env, root) => {
  expect(cacheRoot(env)).toBe(root);
});

describe("a cache", () => {
  const key = { thing: "thing", version: "v1", recipe: "r" };
  let root = "";
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "cache-"));
  });
  afterEach(() => rm(root, { recursive: true }));

  test("builds once, also when two ask at the same time", async () => {
    let builds = 0;
    const get = (): Promise<string> =>
      openCache(root, () => undefined).get(key, async (directory) => {
        builds += 1;
        await writeFile(join(directory, "file"), "content");
      });
    const [first, second] = await Promise.all([get(), get()]);
    expect(first).toBe(second);
    expect(builds).toBe(1);
    expect(await readFile(join(await get(), "file"), "utf8")).toBe("content");
  });

  test("does not take half a thing for whole", async () => {
    const cache = openCache(root, () => undefined);
    const half = cache.get(key, async (directory) => {
      await writeFile(join(directory, "half"), "");
      throw new Error("out of flour");
    });
    await expect(half).rejects.toThrow("out of flour");
    const whole = await cache.get(key, (directory) => writeFile(join(directory, "whole"), ""));
    await expect(readFile(join(whole, "half"))).rejects.toThrow("ENOENT");
  });
});
