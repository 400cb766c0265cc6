import { describe, expect, test } from "@jest/globals";
import type { Clock } from "../clock.ts";
import { silentLogger } from "../log.ts";
import { KubeApiError, SILENT, TOO_LONG } from "./port.ts";
import type { KubeApi, KubeRequest, WatchEvent, WatchRequest } from "./port.ts";
import { reflector } from "./reflector.ts";
import type { Reflector } from "./reflector.ts";

interface Item {
  metadata: { name: string; resourceVersion: string };
  value?: string;
}

const path = "/apis/x/v1/things";

function item(name: string, version: number, value?: string): Item {
  return { metadata: { name, resourceVersion: String(version) }, ...(value !== undefined && { value }) };
}

/** One list, or one watch to its end, in the order in which they must come. */
type Step = { list: Item[]; at: number; more?: string } | { watch: (WatchEvent | Error)[] } | { fail: Error };

function gone(): KubeApiError {
  return new KubeApiError({ method: "GET", path }, { status: 410, reason: "Expired", message: "too old" });
}

function event(type: WatchEvent["type"], object: unknown): WatchEvent {
  return { type, object };
}

/** Runs a reflector through a script; the last watch stays open. What it asked, in order, is in `calls`. */
async function play(steps: Step[], options: { relistMs?: number; page?: number } = {}) {
  const stop = new AbortController();
  const calls: string[] = [];
  const slept: number[] = [];
  const limits: number[] = [];
  const changes: string[][] = [];
  let now = 0;
  const clock: Clock = {
    now: () => new Date(now),
    sleep: (ms) => {
      slept.push(ms);
      now += ms;
      return Promise.resolve();
    },
  };
  const next = (call: string): Step => {
    calls.push(call);
    const step = steps.shift();
    if (step === undefined) stop.abort();
    return step ?? { fail: new Error("the script is over") };
  };
  const api: KubeApi = {
    request: (call: KubeRequest) => {
      limits.push(Number(call.query?.["limit"]));
      const step = next(`list ${String(call.query?.["continue"] ?? "")}`.trim());
      if ("fail" in step) return Promise.reject(step.fail);
      if (!("list" in step)) return Promise.reject(new Error("expected a watch"));
      const metadata = { resourceVersion: String(step.at), continue: step.more ?? "" };
      return Promise.resolve({ metadata, items: step.list });
    },
    async *watch(call: WatchRequest) {
      await Promise.resolve();
      const step = next(`watch ${String(call.query?.["resourceVersion"])}`);
      if ("fail" in step) throw step.fail;
      if (!("watch" in step)) throw new Error("expected a list");
      for (const each of step.watch) {
        if (each instanceof Error) throw each;
        yield each;
      }
    },
  };
  const cache: Reflector<Item> = reflector({
    api,
    clock,
    log: silentLogger,
    path,
    random: () => 1,
    parse: (object) => {
      const read = object as Item;
      if (read.value === "bad") throw new Error("bad value");
      if (read.value === "other") return undefined;
      return read;
    },
    onChange: () => changes.push([...cache.items().keys()]),
    ...options,
  });
  expect(cache.synced).toBe(false);
  await cache.run(stop.signal);
  return { cache, calls, limits, slept, changes, pass: (ms: number) => (now += ms) };
}

describe("a reflector", () => {
  test("lists in pages, then follows what is added, changed and deleted", async () => {
    const { cache, calls, changes } = await play([
      { list: [item("a", 1)], at: 5, more: "p2" },
      { list: [item("b", 2)], at: 5 },
      {
        watch: [
          event("ADDED", item("c", 6)),
          event("MODIFIED", item("a", 7, "new")),
          event("BOOKMARK", item("", 8)),
          event("DELETED", item("b", 9)),
        ],
      },
    ]);
    expect(calls).toEqual(["list", "list p2", "watch 5", "watch 9"]);
    expect([...cache.items().keys()]).toEqual(["a", "c"]);
    expect(cache.items().get("a")?.value).toBe("new");
    expect(changes).toEqual([
      ["a", "b"],
      ["a", "b", "c"],
      ["a", "b", "c"],
      ["a", "c"],
    ]);
  });

  test("does not keep managedFields, of a list or of a watch", async () => {
    const bulky = (name: string, version: number): Item => {
      const { metadata } = item(name, version);
      return { metadata: { ...metadata, managedFields: [{}] } as Item["metadata"] };
    };
    const { cache } = await play([
      { list: [bulky("a", 1)], at: 5 },
      { watch: [event("ADDED", bulky("b", 6))] },
    ]);
    expect([...cache.items().values()]).toEqual([item("a", 1), item("b", 6)]);
  });

  test("goes on from a bookmark after an end or an error, without a new list", async () => {
    const { calls } = await play([
      { list: [], at: 5 },
      { watch: [event("BOOKMARK", item("", 30))] },
      { watch: [event("ADDED", item("a", 31)), new Error("reset")] },
      { watch: [] },
    ]);
    expect(calls).toEqual(["list", "watch 5", "watch 30", "watch 31", "watch 31"]);
  });

  test.each<[string, Step]>([
    ["as an event", { watch: [event("ERROR", { code: 410, reason: "Expired", message: "too old" })] }],
    ["as an answer", { fail: gone() }],
  ])("lists anew when its version is too old (%s), and what went meanwhile is gone", async (_, tooOld) => {
    const { cache, calls } = await play([
      { list: [item("a", 1)], at: 5 },
      tooOld,
      { list: [item("b", 8)], at: 9 },
      { watch: [] },
    ]);
    expect(calls.slice(0, 4)).toEqual(["list", "watch 5", "list", "watch 9"]);
    expect([...cache.items().keys()]).toEqual(["b"]);
  });

  test("lists anew when a watch was silent for too long: only an answer shows that nothing was missed", async () => {
    const silence = { status: 0, reason: SILENT, message: "nothing came" };
    const { calls } = await play([
      { list: [], at: 5 },
      { watch: [new KubeApiError({ method: "GET", path }, silence)] },
      { list: [], at: 7 },
    ]);
    expect(calls.slice(0, 4)).toEqual(["list", "watch 5", "list", "watch 7"]);
  });

  test("lists anew when it is time, against what a watch may have missed", async () => {
    const { cache, calls } = await play(
      [{ list: [item("a", 1)], at: 5 }, { watch: [] }, { watch: [] }, { watch: [] }, { list: [], at: 7 }],
      { relistMs: 500 },
    );
    expect(calls.slice(0, 5)).toEqual(["list", "watch 5", "watch 5", "watch 5", "list"]);
    expect(cache.items().size).toBe(0);
  });

  test("waits longer and longer while nothing works, and begins anew once something does", async () => {
    const failures = Array.from({ length: 8 }, (): Step => ({ fail: new Error("refused") }));
    const { slept } = await play([...failures, { list: [], at: 1 }, { fail: new Error("reset") }]);
    expect(slept.slice(0, 10)).toEqual([200, 400, 800, 1600, 3200, 6400, 10000, 10000, 200, 200]);
  });

  test("does not ask a server without pause that ends each watch at once", async () => {
    const { slept } = await play([{ list: [], at: 1 }, { watch: [] }, { watch: [] }, { watch: [] }]);
    expect(slept.slice(0, 2)).toEqual([200, 400]);
  });

  test("keeps apart what it cannot read: unreadable, not absent", async () => {
    const { cache } = await play([
      { list: [item("a", 1, "bad"), item("b", 2)], at: 5 },
      { watch: [event("MODIFIED", item("b", 6, "bad")), event("MODIFIED", item("a", 7))] },
    ]);
    expect([...cache.items().keys()]).toEqual(["a"]);
    expect([...cache.unreadable()]).toEqual([["b", "bad value"]]);
  });

  test("keeps nothing of what is not to be kept, and tells of no change by it", async () => {
    const { cache, changes } = await play([
      { list: [item("a", 1), item("b", 2, "other")], at: 5 },
      {
        watch: [
          event("ADDED", item("c", 6, "other")),
          event("MODIFIED", item("c", 7, "other")),
          event("DELETED", item("c", 8)),
          event("MODIFIED", item("a", 9, "other")),
        ],
      },
    ]);
    expect(cache.items().size).toBe(0);
    expect(changes).toEqual([["a"], []]);
  });

  test("asks for fewer objects at a time where an answer would be too long", async () => {
    const answer = { status: 0, reason: TOO_LONG, message: "too long" };
    const tooLong: Step = { fail: new KubeApiError({ method: "GET", path }, answer) };
    const { limits } = await play([tooLong, tooLong, { list: [], at: 5 }], { page: 3 });
    expect(limits).toEqual([3, 2, 1]);
  });

  test("is no longer in step when it heard nothing for too long", async () => {
    const { cache, pass } = await play([{ list: [], at: 5 }]);
    expect(cache.synced).toBe(true);
    pass(180_000);
    expect(cache.synced).toBe(false);
  });
});
