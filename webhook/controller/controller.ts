import type { Clock } from "../../common/clock.ts";
import { messageOf } from "../../common/errors.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import type { Logger } from "../../common/log.ts";
import type { KeyPair } from "../../certs/issue.ts";
import type { Inventory } from "../inventory/inventory.ts";
import type { Metrics } from "../metrics.ts";
import type { ServingCertificate } from "./certificate.ts";
import type { Configurations } from "./configurations.ts";
import { reportStatuses } from "./statuses.ts";
import { webhooksOf } from "./webhooks.ts";
import type { Target } from "./webhooks.ts";

export interface ControllerOptions {
  api: KubeApi;
  clock: Clock;
  log: Logger;
  inventory: Inventory;
  configurations: Configurations;
  certificate: ServingCertificate;
  target: Target;
  metrics: Metrics;
  /** A new certificate is trusted: serve with it. */
  useCertificate: (leaf: KeyPair) => void;
}

/** Without any change it looks again this often: for ends of certificates and grants. */
const PERIOD_MS = 10_000;

/** Changes come in bursts, and from another replica's pen just before they come by our own watches. */
const SETTLE_MS = 100;

/** Brings the certificate, both configurations and all statuses to what they should be, again and again. */
export class Controller {
  readonly #options: ControllerOptions;
  #wake = new AbortController();
  #settled = false;

  constructor(options: ControllerOptions) {
    this.#options = options;
  }

  /** Whether both live configurations were once seen to be as this replica wants them. */
  get settled(): boolean {
    return this.#settled;
  }

  /** Something changed: look soon. */
  wake(): void {
    this.#wake.abort();
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    while (!signal.aborted) {
      await clock.sleep(SETTLE_MS, signal);
      this.#wake = new AbortController();
      for (const step of [() => this.#configure(), () => this.#report()]) {
        await step().catch((error: unknown) => {
          log.error({ error: messageOf(error) }, "could not bring the cluster up to date; trying again");
        });
      }
      await clock.sleep(PERIOD_MS, AbortSignal.any([signal, this.#wake.signal]));
    }
  }

  async #configure(): Promise<void> {
    const { inventory, configurations, certificate, clock, metrics, target } = this.#options;
    // Before everything is known, a configuration made of it would open what another replica has closed.
    if (inventory.whyNotSynced() !== undefined || !configurations.synced) return;
    const bundle = await certificate.refresh();
    const profiles = inventory.profiles();
    const wanted = {
      mutate: webhooksOf("mutate", profiles, target, bundle),
      validate: webhooksOf("validate", profiles, target, bundle),
    };
    const right = configurations.areRight(wanted);
    metrics.configurationCurrent(right);
    if (right) this.#settled = true;
    else await configurations.putRight(wanted);
    const next = certificate.adopt((leaf) => configurations.trusts(leaf, clock.now()));
    if (next !== undefined) this.#options.useCertificate(next);
  }

  async #report(): Promise<void> {
    const { api, inventory, clock } = this.#options;
    if (inventory.whyNotSynced() === undefined) await reportStatuses(api, inventory, clock.now());
  }
}
