import type { Lab } from "../types.ts";
import { waitFor } from "../wait.ts";

/**
 * Waits for every kind to be served. kubectl does not wait for one so new that its conditions are null, but fails at once:
 * then again. @throws with what else it complained about.
 */
export async function kindsServed(lab: Lab): Promise<void> {
  const args = ["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"];
  await waitFor({ what: "kinds that are served", timeoutMs: 60_000 }, async () => {
    const { code, stderr } = await lab.kubectl(args);
    if (code === 0) return true;
    if (stderr.includes("status.conditions accessor error")) return undefined;
    throw new Error(`kubectl ${args.join(" ")}: ${stderr.trim()}`);
  });
}
