import type { Logger } from "../../common/log.ts";
import { Enforcement } from "./enforcement.ts";
import type { EnforcementOptions } from "./enforcement.ts";
import { Loop } from "./loop.ts";

export interface ControllerOptions extends EnforcementOptions {
  log: Logger;
}

/** Brings the certificate and, where this replica leads, both configurations to what they should be, again and again. */
export class Controller {
  readonly #enforcement: Enforcement;
  readonly #enforcing: Loop;

  constructor(options: ControllerOptions) {
    const { clock, log } = options;
    this.#enforcement = new Enforcement(options);
    this.#enforcing = new Loop({ clock, log, name: "configure", look: () => this.#enforcement.pass() });
  }

  /** See `Enforcement`. */
  get settled(): boolean {
    return this.#enforcement.settled;
  }

  /** Something changed: look soon. */
  wake(): void {
    this.#enforcing.wake();
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#enforcing.run(signal);
  }
}
