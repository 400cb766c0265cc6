import type { Clock } from "../../common/clock.ts";
import type { CertificateSource } from "../controller/certificate.ts";
import type { Controller } from "../controller/controller.ts";
import type { Configurations } from "../controller/configurations.ts";
import type { Inventory } from "../inventory/inventory.ts";

export interface ReadinessOptions {
  inventory: Pick<Inventory, "whyNotSynced">;
  configurations: Pick<Configurations, "synced" | "trusts">;
  certificate: Pick<CertificateSource, "current">;
  controller: Pick<Controller, "settled">;
  clock: Pick<Clock, "now">;
  /** Set when the process is told to end. */
  ending: AbortSignal;
}

/** Why the API server must not be sent here now, or undefined: what the kubelet asks by /readyz. */
export function readiness(options: ReadinessOptions) {
  const { inventory, configurations, certificate, controller, clock, ending } = options;
  return (): string | undefined => {
    if (ending.aborted) return "shutting down";
    const why = inventory.whyNotSynced();
    if (why !== undefined) return why;
    if (!configurations.synced) return "not in step with the API server: webhook configurations";
    if (!controller.settled) return "the live webhook configurations are not yet written";
    const leaf = certificate.current?.certificate;
    if (leaf !== undefined && configurations.trusts(leaf, clock.now())) return undefined;
    return "the live webhook configurations do not trust this replica's certificate yet";
  };
}
