import { onNode } from "../demo/kernel.ts";
import { until } from "../demo/wait.ts";
import type { Lab } from "../lab/lab.ts";
import { degraded } from "./static-pod.ts";

/** The ledger's directory on every node. */
export const LEDGER = "/run/schedgate/ledger";

/** Waits until the ledger names this process as owner, by right of a grant. */
export async function ledgerHolds(lab: Lab, pid: number, grant: string): Promise<void> {
  await until(`the ledger's entry of process ${pid}`, 60, async () => {
    const text = await onNode(lab, `cat ${LEDGER}/*.json 2>/dev/null; true`);
    const whole = text.includes(`"pid":${pid},`) && text.includes(`"right":"HookGrant ${grant}"`);
    return whole ? { value: undefined } : { not: text };
  });
}

/** The agent names the entry that was set aside for as long as it is there. */
export async function expectSetAside(lab: Lab): Promise<void> {
  await degraded(lab, ".json.unusable");
  await onNode(lab, `rm ${LEDGER}/*.json.unusable`);
  await degraded(lab, "nothing needs a person");
}
