import { setTimeout as sleep } from "node:timers/promises";
import { SchedgateError } from "../../common/errors.ts";

export interface WaitOptions {
  /** Named in the error: `node Ready`. */
  what: string;
  timeoutMs: number;
  intervalMs?: number;
  signal?: AbortSignal | undefined;
}

/**
 * Repeats `probe` until it returns something other than undefined.
 * @throws SchedgateError E_TIMEOUT, or whatever the probe throws.
 */
export async function waitFor<T>(options: WaitOptions, probe: () => Promise<T | undefined>): Promise<T> {
  const { what, timeoutMs, intervalMs = 100, signal } = options;
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    const value = await probe();
    if (value !== undefined) return value;
    if (Date.now() > deadline) {
      throw new SchedgateError("E_TIMEOUT", `no ${what} within ${timeoutMs / 1000} s`);
    }
    await sleep(intervalMs, undefined, signal === undefined ? {} : { signal });
  }
}
