import type { Clock } from "../../common/clock.ts";
import { messageOf } from "../../common/errors.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import type { Logger } from "../../common/log.ts";
import type { KeyPair } from "../../certs/issue.ts";
import type { Inventory } from "../inventory/inventory.ts";
import type { Metrics } from "../metrics.ts";
import type { ServingCertificate } from "./certificate.ts";
import type { Configurations } from "./configurations.ts";
import { RepairPace } from "./pace.ts";
import { reportStatuses } from "./statuses.ts";
import { webhooksOf } from "./webhooks.ts";
import type { Target } from "./webhooks.ts";

export interface ControllerOptions {
  api: KubeApi;
  clock: Clock;
  log: Logger;
  inventory: Pick<Inventory, "whyNotSynced" | "profiles" | "grants" | "classes">;
  configurations: Pick<Configurations, "synced" | "areRight" | "putRight" | "trusts">;
  certificate: Pick<ServingCertificate, "refresh" | "adopt" | "notAfter">;
  target: Target;
  metrics: Metrics;
  /** A new certificate is trusted: serve with it. */
  useCertificate: (leaf: KeyPair) => void;
}

/** Without any change it looks again this often: for ends of certificates and grants. */
const PERIOD_MS = 10_000;

/** After a failure it looks again this soon. */
const RETRY_MS = 1_000;

/** Changes come in bursts, and from another replica's pen just before they come by our own watches. */
const SETTLE_MS = 100;

/** Brings the certificate, both configurations and all statuses to what they should be, again and again. */
export class Controller {
  readonly #options: ControllerOptions;
  #wake = new AbortController();
  #settled = false;
  readonly #pace = new RepairPace();
  /** Until the next look at most, milliseconds. */
  #restMs = PERIOD_MS;

  constructor(options: ControllerOptions) {
    this.#options = options;
  }

  /**
   * Whether this replica once found both live configurations right, or wrote them. Not whether they stayed so: some
   * clusters change what is written (an enforcer), and that must not keep every replica from serving.
   */
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
      this.#restMs = PERIOD_MS;
      for (const step of [() => this.#configure(), () => this.#report()]) {
        await step().catch((error: unknown) => {
          this.#restMs = RETRY_MS;
          log.error({ error: messageOf(error) }, "could not bring the cluster up to date; trying again");
        });
      }
      await clock.sleep(this.#restMs, AbortSignal.any([signal, this.#wake.signal]));
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
    else await this.#repair(wanted);
    const next = certificate.adopt((leaf) => configurations.trusts(leaf, clock.now()));
    if (next !== undefined) this.#options.useCertificate(next);
  }

  async #repair(wanted: Parameters<Configurations["putRight"]>[0]): Promise<void> {
    const { configurations, clock } = this.#options;
    const text = JSON.stringify(wanted);
    const wait = this.#pace.waitFor(text, clock.now());
    if (wait > 0) {
      this.#restMs = Math.min(wait, PERIOD_MS);
      return;
    }
    const result = await configurations.putRight(wanted);
    if (result === "wrote") this.#pace.wrote(text, clock.now());
    if (result !== "raced") this.#settled = true;
  }

  async #report(): Promise<void> {
    const { api, inventory, clock } = this.#options;
    if (inventory.whyNotSynced() === undefined) await reportStatuses(api, inventory, clock.now());
  }
}
