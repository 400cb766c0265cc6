import type { Clock } from "../../common/clock.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import type { Logger } from "../../common/log.ts";
import type { KeyPair } from "../../certs/issue.ts";
import type { Inventory } from "../inventory/inventory.ts";
import type { Metrics } from "../metrics.ts";
import type { ServingCertificate } from "./certificate.ts";
import type { Configurations } from "./configurations.ts";
import { Loop, PERIOD_MS } from "./loop.ts";
import { RepairPace } from "./pace.ts";
import { reportStatuses } from "./statuses.ts";
import { webhooksOf } from "./webhooks.ts";
import type { Place } from "./webhooks.ts";

export interface ControllerOptions {
  api: KubeApi;
  clock: Clock;
  log: Logger;
  inventory: Pick<Inventory, "whyNotSynced" | "profiles" | "grants" | "classes">;
  configurations: Pick<Configurations, "synced" | "areRight" | "putRight" | "trusts">;
  certificate: Pick<ServingCertificate, "refresh" | "adopt" | "notAfter">;
  /** Where the webhook is. */
  place: Place;
  metrics: Metrics;
  /** A new certificate is trusted: serve with it. */
  useCertificate: (leaf: KeyPair) => void;
}

/** Brings the certificate, both configurations and all statuses to what they should be, again and again. */
export class Controller {
  readonly #options: ControllerOptions;
  readonly #enforcing: Loop;
  readonly #reporting: Loop;
  readonly #pace = new RepairPace();
  #settled = false;

  constructor(options: ControllerOptions) {
    const { clock, log } = options;
    this.#options = options;
    this.#enforcing = new Loop({ clock, log, name: "configure", look: () => this.#configure() });
    this.#reporting = new Loop({ clock, log, name: "report", look: (signal) => this.#report(signal) });
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
    this.#enforcing.wake();
    this.#reporting.wake();
  }

  /** Until the signal aborts. A status that is slow to write delays neither the configurations nor the end. */
  async run(signal: AbortSignal): Promise<void> {
    void this.#reporting.run(signal);
    await this.#enforcing.run(signal);
  }

  /** Until the next look at most, milliseconds. */
  async #configure(): Promise<number> {
    this.#tellEnd();
    const { inventory, configurations, certificate, clock, metrics, place } = this.#options;
    // Before everything is known, a configuration made of it would open what another replica has closed.
    if (inventory.whyNotSynced() !== undefined || !configurations.synced) return PERIOD_MS;
    const bundle = await certificate.refresh();
    const profiles = inventory.profiles();
    const wanted = {
      mutate: webhooksOf("mutate", profiles, place, bundle),
      validate: webhooksOf("validate", profiles, place, bundle),
    };
    const right = configurations.areRight(wanted);
    metrics.configurationCurrent(right);
    this.#settled ||= right;
    const restMs = right ? PERIOD_MS : await this.#repair(wanted);
    const next = certificate.adopt((leaf) => configurations.trusts(leaf, clock.now()));
    if (next !== undefined) this.#options.useCertificate(next);
    this.#tellEnd();
    return restMs;
  }

  #tellEnd(): void {
    const { certificate, metrics } = this.#options;
    if (certificate.notAfter !== undefined) metrics.certificateEnds(certificate.notAfter);
  }

  async #repair(wanted: Parameters<Configurations["putRight"]>[0]): Promise<number> {
    const { configurations, clock } = this.#options;
    const text = JSON.stringify(wanted);
    const wait = this.#pace.waitFor(text, clock.now());
    if (wait > 0) return Math.min(wait, PERIOD_MS);
    const result = await configurations.putRight(wanted);
    if (result === "wrote") this.#pace.wrote(text, clock.now());
    if (result !== "raced") this.#settled = true;
    return PERIOD_MS;
  }

  async #report(signal: AbortSignal): Promise<number> {
    const { inventory, clock } = this.#options;
    if (inventory.whyNotSynced() === undefined) await reportStatuses(this.#options, clock.now(), signal);
    return PERIOD_MS;
  }
}
