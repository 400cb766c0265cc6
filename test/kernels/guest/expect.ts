import { isDeepStrictEqual, inspect } from "node:util";

/** What the model's histories use of jest's `expect`: jest itself does not run in the guest, this takes its place. */
export function expect(received: unknown): { toBe(wanted: unknown): void; toEqual(wanted: unknown): void } {
  const check = (wanted: unknown): void => {
    if (!isDeepStrictEqual(received, wanted))
      throw new Error(`expected ${inspect(wanted)}, received ${inspect(received)}`);
  };
  return { toBe: check, toEqual: check };
}
