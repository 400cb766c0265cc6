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
  const end = Date.now() + TIME_MS;
  try {
    await fc.assert(
      fc.asyncProperty(histories, async (history) => {
        // Not fast-check's own limit: it leaves a history half played, whose processes keep the cgroups.
        if (Date.now() < end) await play(machine, history);
      }),
      { numRuns: 1000 },
    );
  } finally {
    machine.close();
  }
}
