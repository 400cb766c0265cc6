import { isAlive } from "../isolation/liveness.ts";
import { type Isolation, type Outcome, reconcile } from "../isolation/reconcile.ts";

const ATTEMPTS = 10;
const DEATH_CHECKS = 100;
const DEATH_PAUSE_MS = 100;

/**
 * Gives back what a container owned, once its process is gone; at a delete that is about now, and after 10 s it is left
 * to the daemon. Owner-checked by the container's id: a newer owner of the same CPUs keeps them.
 */
export async function release(isolation: Isolation, id: string): Promise<Outcome> {
  const owner = isolation.ledger.find(id);
  if (owner !== undefined) {
    for (let check = 0; check < DEATH_CHECKS && isAlive(isolation.hostFs, owner); check += 1) {
      await isolation.clock.sleep(DEATH_PAUSE_MS);
    }
  }
  // What is dead is dropped from the ledger here, under the lock.
  return reconcile(isolation, ATTEMPTS);
}
