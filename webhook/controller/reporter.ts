import type { Clock } from "../../common/clock.ts";
import { messageOf } from "../../common/errors.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import type { Logger } from "../../common/log.ts";
import type { Inventory } from "../inventory/inventory.ts";
import type { Pods } from "../inventory/pods.ts";
import type { Metrics } from "../metrics.ts";
import { audit, nextExpiry } from "./audit.ts";
import type { Audit } from "./audit.ts";
import type { Events } from "./events.ts";
import { Loop, PERIOD_MS } from "./loop.ts";
import { Reports } from "./reports.ts";
import { reportStatuses } from "./statuses.ts";

/** Without any change the pods are audited again this often. */
const AUDIT_MS = 600_000;

/** Pods change in larger bursts than profiles, and an audit looks at all of them. */
const AUDIT_SETTLE_MS = 1_000;

export interface ReporterOptions {
  api: KubeApi;
  clock: Clock;
  log: Logger;
  inventory: Pick<Inventory, "whyNotSynced" | "rules" | "profiles" | "grants" | "classes">;
  pods: Pick<Pods, "run" | "reconsider" | "synced" | "records">;
  events: Pick<Events, "record">;
  metrics: Pick<Metrics, "unauthorized">;
}

/** The leader's reports: the audit of the pods that there are, the statuses of profiles and grants, events about both. */
export class Reporter {
  readonly #options: ReporterOptions;
  readonly #auditing: Loop;
  readonly #reporting: Loop;
  readonly #reports: Reports;
  #audit: Audit | undefined;
  /** Pods that an event was written about, by uid and profile. */
  #announced: ReadonlySet<string> = new Set();

  constructor(options: ReporterOptions) {
    const { clock, log } = options;
    this.#options = options;
    this.#reports = new Reports(options);
    const [auditing, reporting] = [{ name: "audit", settleMs: AUDIT_SETTLE_MS }, { name: "report" }];
    this.#auditing = new Loop({ clock, log, ...auditing, look: (signal) => this.#look(signal) });
    this.#reporting = new Loop({ clock, log, ...reporting, look: (signal) => this.#report(signal) });
  }

  /** Something changed: look soon. */
  wake(): void {
    this.#options.pods.reconsider();
    this.#auditing.wake();
    this.#reporting.wake();
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    // What an earlier time as leader saw is not known to hold.
    this.#audit = undefined;
    this.#reports.forget();
    const { pods, metrics } = this.#options;
    await Promise.all([pods.run(signal), this.#auditing.run(signal), this.#reporting.run(signal)]);
    metrics.unauthorized([], new Map());
  }

  async #report(signal: AbortSignal): Promise<number> {
    const { inventory, clock } = this.#options;
    if (inventory.whyNotSynced() !== undefined) return PERIOD_MS;
    await reportStatuses({ ...this.#options, audit: this.#audit }, clock.now(), signal);
    return PERIOD_MS;
  }

  async #look(signal: AbortSignal): Promise<number> {
    const { inventory, pods, clock, metrics, log } = this.#options;
    if (inventory.whyNotSynced() !== undefined || !pods.synced) return PERIOD_MS;
    const [now, classes] = [clock.now(), inventory.classes()];
    const rules = { ...inventory.rules(), now };
    const handlerOf = (name: string): string | undefined => classes.get(name)?.handler;
    const pause = (): Promise<void> => clock.sleep(0, signal);
    const found = await audit({ records: pods.records().values(), rules, handlerOf, pause });
    if (signal.aborted) return PERIOD_MS;
    this.#audit = found;
    this.#reporting.wake();
    metrics.unauthorized(
      rules.profiles.map(({ name }) => name),
      found.profiles,
    );
    this.#announce(found);
    const written = await this.#reports.write(found, signal).then(
      () => true,
      (error: unknown) => {
        if (!signal.aborted)
          log.warn({ error: messageOf(error) }, "could not write the policy reports; trying again");
        return false;
      },
    );
    return written ? Math.min(AUDIT_MS, nextExpiry(rules.grants, now)) : PERIOD_MS;
  }

  #announce(found: Audit): void {
    const details = [...found.namespaces.values()].flatMap((each) => each.details);
    const keys = new Set<string>();
    for (const { record, profile, line } of details) {
      const key = `${record.uid} ${profile}`;
      keys.add(key);
      if (this.#announced.has(key)) continue;
      const { namespace, name } = record.pod;
      const regarding = { apiVersion: "v1", kind: "Pod", namespace, name, uid: record.uid };
      this.#options.events.record({ regarding, reason: "Unauthorized", action: "Audit", note: line });
    }
    this.#announced = keys;
  }
}
