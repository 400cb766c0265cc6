import type { Clock } from "../../common/clock.ts";
import type { HookProfile } from "../../common/api/hookprofile.ts";
import type { KeyPair } from "../../certs/issue.ts";
import type { Inventory } from "../inventory/inventory.ts";
import type { Metrics } from "../metrics.ts";
import type { Webhook } from "../admission/admit.ts";
import type { CertificateSource } from "./certificate.ts";
import type { Configurations } from "./configurations.ts";
import type { Leader } from "./leader.ts";
import { PERIOD_MS } from "./loop.ts";
import { RepairPace } from "./pace.ts";
import { webhooksOf } from "./webhooks.ts";
import type { Place } from "./webhooks.ts";

export interface EnforcementOptions {
  clock: Clock;
  inventory: Pick<Inventory, "whyNotSynced" | "profiles" | "freshProfiles">;
  configurations: Pick<
    Configurations,
    "synced" | "areRight" | "callHere" | "putRight" | "trusts" | "bundles"
  >;
  leader: Pick<Leader, "leads" | "follows">;
  certificate: CertificateSource;
  /** Where the webhook is. */
  place: Place;
  metrics: Pick<Metrics, "configurationCurrent" | "configurationRepaired" | "certificateEnds">;
  /** Serve with this certificate from now on; resolves when connections are taken. */
  useCertificate: (leaf: KeyPair) => Promise<void>;
}

/** A cache that comes into step again wakes nobody. */
const OUT_OF_STEP_MS = 1_000;

/** Brings the certificate and, where this replica leads, both live configurations to what they should be, a pass at a time. */
export class Enforcement {
  readonly #options: EnforcementOptions;
  readonly #pace = new RepairPace();
  #settled = false;
  #serves = false;
  /** What both configurations last were when they were right. */
  #lastRight = "";

  constructor(options: EnforcementOptions) {
    this.#options = options;
  }

  /**
   * Whether this replica once found both live configurations right, or wrote them, or found them to call here where another
   * replica keeps them. Not whether they stayed so: some clusters change what is written (an enforcer), and that must not
   * keep every replica from serving.
   */
  get settled(): boolean {
    return this.#settled;
  }

  /** Until the next pass at most, milliseconds. @throws KubeApiError, or SchedgateError E_CA_SECRET. */
  async pass(): Promise<number> {
    this.#tellEnd();
    const { inventory, configurations, certificate, clock, leader, metrics } = this.#options;
    // Before everything is known, a configuration made of it would open what another replica has closed.
    if (inventory.whyNotSynced() !== undefined || !configurations.synced) return OUT_OF_STEP_MS;
    const wanted = await this.#want(configurations.bundles(), inventory.profiles());
    await this.#serve();
    const right = configurations.areRight(wanted);
    metrics.configurationCurrent(right);
    if (right) this.#found(JSON.stringify(wanted));
    if (leader.follows && configurations.callHere(wanted)) this.#settled = true;
    const restMs = right || !leader.leads ? PERIOD_MS : await this.#repair(JSON.stringify(wanted));
    const next = certificate.adopt((leaf) => configurations.trusts(leaf, clock.now()));
    if (next !== undefined) await this.#options.useCertificate(next);
    this.#tellEnd();
    return restMs;
  }

  async #want(
    bundles: Record<Webhook, string>,
    profiles: readonly HookProfile[],
  ): Promise<Record<Webhook, { clientConfig: object }[]>> {
    const { certificate, place } = this.#options;
    await certificate.refresh(Object.values(bundles));
    return {
      mutate: webhooksOf("mutate", profiles, place, certificate.bundleFor(bundles.mutate)),
      validate: webhooksOf("validate", profiles, place, certificate.bundleFor(bundles.validate)),
    };
  }

  /** Before this replica serves, no configuration may send anything here. */
  async #serve(): Promise<void> {
    const { certificate, useCertificate } = this.#options;
    if (this.#serves || certificate.current === undefined) return;
    await useCertificate(certificate.current);
    this.#serves = true;
  }

  /** `text` is what is wanted by what the watches say; what is written is read anew, for they may be behind. */
  async #repair(text: string): Promise<number> {
    const { configurations, clock, inventory, metrics } = this.#options;
    const wait = this.#pace.waitFor(text, clock.now());
    if (wait > 0) return Math.min(wait, PERIOD_MS);
    const result = await configurations.putRight(async (bundles) =>
      this.#want(bundles, await inventory.freshProfiles()),
    );
    if (result === "wrote") {
      this.#pace.wrote(text, clock.now());
      if (text === this.#lastRight) metrics.configurationRepaired();
    }
    if (result !== "raced") this.#found(text);
    return PERIOD_MS;
  }

  #found(text: string): void {
    this.#settled = true;
    this.#lastRight = text;
  }

  #tellEnd(): void {
    const { certificate, metrics } = this.#options;
    if (certificate.notAfter !== undefined) metrics.certificateEnds(certificate.notAfter);
  }
}
