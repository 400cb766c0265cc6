import type { Clock } from "../../common/clock.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import type { Logger } from "../../common/log.ts";
import type { KeyPair } from "../../certs/issue.ts";
import type { Inventory } from "../inventory/inventory.ts";
import type { Metrics } from "../metrics.ts";
import type { ServingCertificate } from "./certificate.ts";
import type { Configurations } from "./configurations.ts";
import type { Leader } from "./leader.ts";
import { Loop, PERIOD_MS } from "./loop.ts";
import { RepairPace } from "./pace.ts";
import { webhooksOf } from "./webhooks.ts";
import type { Place } from "./webhooks.ts";

export interface ControllerOptions {
  api: KubeApi;
  clock: Clock;
  log: Logger;
  inventory: Pick<Inventory, "whyNotSynced" | "profiles">;
  configurations: Pick<Configurations, "synced" | "areRight" | "callHere" | "putRight" | "trusts">;
  leader: Pick<Leader, "leads" | "follows">;
  certificate: Pick<ServingCertificate, "refresh" | "adopt" | "notAfter">;
  /** Where the webhook is. */
  place: Place;
  metrics: Metrics;
  /** A new certificate is trusted: serve with it. */
  useCertificate: (leaf: KeyPair) => void;
}

/** Brings the certificate and, where this replica leads, both configurations to what they should be, again and again. */
export class Controller {
  readonly #options: ControllerOptions;
  readonly #enforcing: Loop;
  readonly #pace = new RepairPace();
  #settled = false;
  /** The last configurations that were found right: where they are wrong again, somebody changed them. */
  #wasRight = "";

  constructor(options: ControllerOptions) {
    const { clock, log } = options;
    this.#options = options;
    this.#enforcing = new Loop({ clock, log, name: "configure", look: () => this.#configure() });
  }

  /**
   * Whether this replica once found both live configurations right, or wrote them, or found them to call here where another
   * replica keeps them. Not whether they stayed so: some clusters change what is written (an enforcer), and that must not
   * keep every replica from serving.
   */
  get settled(): boolean {
    return this.#settled;
  }

  /** Something changed: look soon. */
  wake(): void {
    this.#enforcing.wake();
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
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
    const { leader } = this.#options;
    this.#settled ||= right || (leader.follows && configurations.callHere(wanted));
    if (right) this.#wasRight = JSON.stringify(wanted);
    const restMs = right || !leader.leads ? PERIOD_MS : await this.#repair(wanted);
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
    const { configurations, clock, metrics } = this.#options;
    const text = JSON.stringify(wanted);
    const wait = this.#pace.waitFor(text, clock.now());
    if (wait > 0) return Math.min(wait, PERIOD_MS);
    const result = await configurations.putRight(wanted);
    if (result === "wrote") this.#pace.wrote(text, clock.now());
    if (result === "wrote" && text === this.#wasRight) metrics.configurationRepaired();
    if (result !== "raced") this.#settled = true;
    return PERIOD_MS;
  }
}
