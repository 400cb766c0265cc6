import { isAlive } from "../isolation/liveness.ts";
import { type Isolation, type Outcome, reconcile } from "../isolation/reconcile.ts";

const ATTEMPTS = 10;

/**
 * Gives back what a container owned, if it is over. Owner-checked by its id: a newer owner of the same CPUs keeps them.
 * @param forced its process is about to be killed (`delete --force`): give back although it lives.
 * @returns whether the container is over, and how the reconcile ended.
 */
export async function release(
  isolation: Isolation,
  id: string,
  forced: boolean,
): Promise<{ over: boolean; outcome: Outcome }> {
  const owner = isolation.ledger.find(id);
  const over = forced || owner === undefined || !isAlive(isolation.hostFs, owner);
  if (over) isolation.ledger.remove(id);
  return { over, outcome: await reconcile(isolation, ATTEMPTS) };
}
