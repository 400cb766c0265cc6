import type { KubeApi } from "../../common/kube/port.ts";
import type { Logger } from "../../common/log.ts";
import type { Inventory } from "../inventory/inventory.ts";
import { Enforcement } from "./enforcement.ts";
import type { EnforcementOptions } from "./enforcement.ts";
import { Loop, PERIOD_MS } from "./loop.ts";
import { reportStatuses } from "./statuses.ts";

export interface ControllerOptions extends Omit<EnforcementOptions, "inventory"> {
  api: KubeApi;
  log: Logger;
  inventory: Pick<Inventory, "whyNotSynced" | "profiles" | "grants" | "classes" | "freshProfiles">;
}

/** Brings the certificate, both configurations and all statuses to what they should be, again and again. */
export class Controller {
  readonly #options: ControllerOptions;
  readonly #enforcing: Loop;
  readonly #reporting: Loop;
  readonly #enforcement: Enforcement;

  constructor(options: ControllerOptions) {
    const { clock, log } = options;
    this.#options = options;
    this.#enforcement = new Enforcement(options);
    this.#enforcing = new Loop({ clock, log, name: "configure", look: () => this.#enforcement.pass() });
    this.#reporting = new Loop({ clock, log, name: "report", look: (signal) => this.#report(signal) });
  }

  /** See `Enforcement`. */
  get settled(): boolean {
    return this.#enforcement.settled;
  }

  /** Something changed: look soon. */
  wake(): void {
    this.#enforcing.wake();
    this.#reporting.wake();
  }

  /** Until the signal aborts. A status that is slow to write delays neither the configurations nor the end. */
  async run(signal: AbortSignal): Promise<void> {
    void this.#reporting.run(signal);
    await this.#enforcing.run(signal);
  }

  async #report(signal: AbortSignal): Promise<number> {
    const { inventory, clock } = this.#options;
    if (inventory.whyNotSynced() === undefined) await reportStatuses(this.#options, clock.now(), signal);
    return PERIOD_MS;
  }
}
