import fc from "fast-check";
import { histories } from "../../model/history.ts";
import { play } from "../../model/play.ts";
import type { Host } from "./host.ts";
import { guestMachine } from "./machine.ts";

/** As many as fit: a guest plays some a second of its own clock. */
const TIME_MS = 10_000;

/** Random histories until the time is over. @throws with the seed and the shortest history where one fails */
export async function playHistories(host: Host): Promise<void> {
  const machine = guestMachine(host);
  try {
    await fc.assert(
      fc.asyncProperty(histories, (history) => play(machine, history)),
      { numRuns: 1000, interruptAfterTimeLimit: TIME_MS, markInterruptAsFailure: false },
    );
  } finally {
    machine.close();
  }
}
