import type { Clock } from "../../common/clock.ts";
import { messageOf } from "../../common/errors.ts";
import type { Logger } from "../../common/log.ts";

/** Without any change a loop looks again this often: for ends of certificates and grants. */
export const PERIOD_MS = 10_000;

/** After a failure it looks again this soon. */
const RETRY_MS = 1_000;

/** Changes come in bursts, and from another replica's pen just before they come by our own watches. */
const SETTLE_MS = 100;

export interface LoopOptions {
  clock: Clock;
  log: Logger;
  /** What it does, for the log. */
  name: string;
  /** Time for a burst of changes to end; 100 when not said, milliseconds. */
  settleMs?: number;
  /** One look; until the next one at most so many milliseconds. */
  look: (signal: AbortSignal) => Promise<number>;
}

/** Looks again and again: soon after each change, and after a while anyway. A failure is logged, and tried again. */
export class Loop {
  readonly #options: LoopOptions;
  #wake = new AbortController();

  constructor(options: LoopOptions) {
    this.#options = options;
  }

  /** Something changed: look soon. */
  wake(): void {
    this.#wake.abort();
  }

  /** Until the signal aborts. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, name, look, settleMs = SETTLE_MS } = this.#options;
    while (!signal.aborted) {
      await clock.sleep(settleMs, signal);
      this.#wake = new AbortController();
      const restMs = await look(signal).catch((error: unknown) => {
        log.error(
          { error: messageOf(error), step: name },
          "could not bring the cluster up to date; trying again",
        );
        return RETRY_MS;
      });
      await clock.sleep(restMs, AbortSignal.any([signal, this.#wake.signal]));
    }
  }
}
