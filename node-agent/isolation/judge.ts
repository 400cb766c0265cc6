import type { Owner } from "./owner.ts";
import { type Isolation, settle } from "./reconcile.ts";

const ATTEMPTS = 10;

/** What was found out about a living container's right: what entitles it, or why nothing does. */
export type Verdict = Required<Pick<Owner, "right">> | Required<Pick<Owner, "refusal">>;

/** Notes a verdict in the ledger; a refused container loses its isolation at once, and runs on. @throws E_LOCK */
export function noteVerdict(isolation: Isolation, id: string, verdict: Verdict): Promise<void> {
  return isolation.lock(async () => {
    const owner = isolation.ledger.find(id);
    if (owner === undefined) return;
    if ("right" in verdict) {
      isolation.ledger.put({ ...owner, ...verdict });
      return;
    }
    isolation.ledger.put({ ...owner, ...verdict, cpus: "" });
    await settle(isolation, ATTEMPTS, "claimants");
  });
}
