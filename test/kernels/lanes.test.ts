import { expect, test } from "@jest/globals";
import { inLanes } from "./lanes.ts";

test("no more is worked on at once than there are lanes, and one failure keeps none from the rest", async () => {
  let busy = 0;
  let most = 0;
  const outcomes = inLanes([1, 2, 3, 4], 2, async (name) => {
    busy += 1;
    most = Math.max(most, busy);
    await new Promise((resolve) => setImmediate(resolve));
    busy -= 1;
    if (name === 2) throw new Error("two");
    return name * 10;
  });
  const settled = await Promise.allSettled(outcomes.values());
  expect(settled.map((each) => (each.status === "fulfilled" ? each.value : "failed"))).toEqual([
    10,
    "failed",
    30,
    40,
  ]);
  expect(most).toBe(2);
});
