import { describe, expect, test } from "@jest/globals";
import { systemClock } from "./clock.ts";
import { waker } from "./waker.ts";

const never = new AbortController().signal;

describe("a loop that rests", () => {
  test("is woken by a poke, also by one that came before, and only once by several", async () => {
    const { poke, rest } = waker(systemClock);
    poke();
    poke();
    await rest(never);
    let rested = false;
    const resting = rest(never).then(() => {
      rested = true;
    });
    await systemClock.sleep(1);
    expect(rested).toBe(false);
    poke();
    await resting;
  });

  test("is woken by the end of its time, and by the signal", async () => {
    const { rest } = waker(systemClock);
    await expect(rest(never, 1)).resolves.toBeUndefined();
    await expect(rest(AbortSignal.abort())).resolves.toBeUndefined();
    await expect(rest(AbortSignal.timeout(1))).resolves.toBeUndefined();
  });
});
