import { describe, expect, test } from "@jest/globals";
import { RepairPace } from "./pace.ts";

/** When each of `count` writes happens, in ms, where every write is undone at once; `what` is what is wanted then. */
function writes(count: number, what: (index: number) => string): number[] {
  const pace = new RepairPace();
  const times: number[] = [];
  let now = 0;
  for (let i = 0; i < count; i += 1) {
    now += pace.waitFor(what(i), new Date(now));
    pace.wrote(what(i), new Date(now));
    times.push(now);
    now += 1;
  }
  return times;
}

describe("the pace of repairs", () => {
  test("slows down, but not below one in 4 s, where somebody undoes the same thing again and again", () => {
    const times = writes(10, () => "same");
    expect(times.slice(0, 2)).toEqual([0, 1]);
    expect(times.at(-1)).toBeGreaterThan(20_000);
    expect((times.at(-1) ?? 0) - (times.at(-2) ?? 0)).toBe(4_000);
  });

  test("is free for what changed", () => {
    expect(writes(10, (i) => String(i)).at(-1)).toBe(9);
  });

  test("is free again after a while of peace", () => {
    const pace = new RepairPace();
    for (const at of [0, 1, 1001]) pace.wrote("same", new Date(at));
    expect(pace.waitFor("same", new Date(1002))).toBeGreaterThan(0);
    expect(pace.waitFor("same", new Date(100_000))).toBe(0);
    pace.wrote("same", new Date(100_000));
    expect(pace.waitFor("same", new Date(100_001))).toBe(0);
  });
});
