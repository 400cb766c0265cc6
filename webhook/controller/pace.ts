/** First pause before the same thing is written again, milliseconds; it doubles with each time. */
const FIRST_MS = 1_000;
const LAST_MS = 4_000;

/** After so long without a repair the next one is a first one again. */
const PEACE_MS = 60_000;

/**
 * How often the same configuration may be written. What changed is written at once, and so is the first repair; but
 * where somebody undoes it again and again (another version of this program during an update), both must not fill the
 * API server with writes. Even then it is put right within 5 s.
 */
export class RepairPace {
  #wanted = "";
  #pauseMs = 0;
  #lastWrite = -Infinity;

  /** How long to wait before this is written, milliseconds; 0: now. */
  waitFor(wanted: string, now: Date): number {
    if (wanted !== this.#wanted) return 0;
    return Math.max(0, this.#lastWrite + this.#pauseMs - now.getTime());
  }

  /** It was written. */
  wrote(wanted: string, now: Date): void {
    const since = now.getTime() - this.#lastWrite;
    const again = wanted === this.#wanted && since < PEACE_MS;
    this.#pauseMs = again ? Math.min(Math.max(FIRST_MS, this.#pauseMs * 2), LAST_MS) : 0;
    this.#wanted = wanted;
    this.#lastWrite = now.getTime();
  }
}
