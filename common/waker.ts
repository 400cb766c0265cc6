import type { Clock } from "./clock.ts";

/** Lets a loop rest until there is something for it. */
export interface Waker {
  /** Ends the rest; where nobody rests, the next one ends at once. */
  poke: () => void;
  /** Until a poke, `ms` milliseconds at most, or until the signal aborts. */
  rest: (signal: AbortSignal, ms?: number) => Promise<void>;
}

/** The longest that a timer of Node can wait. */
const FOR_EVER_MS = 2 ** 31 - 1;

/** A waker for one loop. */
export function waker(clock: Clock): Waker {
  let poked = new AbortController();
  return {
    poke: () => {
      poked.abort();
    },
    rest: async (signal, ms = FOR_EVER_MS) => {
      await clock.sleep(ms, AbortSignal.any([signal, poked.signal]));
      poked = new AbortController();
    },
  };
}
