import type { Clock } from "../../common/clock.ts";

/** Time that passes only where the test lets it; each step wakes whoever's sleep is over. */
export class TestClock implements Clock {
  #now = Date.parse("2026-06-01T00:00:00Z");
  #sleepers: { until: number; wake: () => void }[] = [];
  now = (): Date => new Date(this.#now);
  sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      if (signal?.aborted === true) resolve();
      signal?.addEventListener("abort", () => {
        resolve();
      });
      this.#sleepers.push({ until: this.#now + ms, wake: resolve });
    });

  async pass(seconds: number): Promise<void> {
    for (let i = 0; i < seconds; i++) {
      this.#now += 1000;
      const due = this.#sleepers.filter((each) => each.until <= this.#now);
      this.#sleepers = this.#sleepers.filter((each) => each.until > this.#now);
      for (const each of due) each.wake();
      await settled();
    }
  }
}

/** Lets everything run that waits for nothing. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
