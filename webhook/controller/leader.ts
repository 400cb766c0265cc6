import type { Clock } from "../../common/clock.ts";
import { messageOf } from "../../common/errors.ts";
import { hasStatus } from "../../common/kube/port.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import type { Logger } from "../../common/log.ts";
import { held, leaseSchema, mayHold, observe, released } from "./lease.ts";
import type { Lease, Observed } from "./lease.ts";

/** Who could not renew for so long stops leading: well before anybody else may take the lease. */
const RENEW_MS = 5_000;
const RETRY_MS = 1_000;
const CALL_MS = 2_000;

export interface LeaderOptions {
  api: KubeApi;
  clock: Clock;
  log: Logger;
  /** The Lease's path; the manifests make the object. */
  path: string;
  /** Of this process, `pod_random`. */
  identity: string;
  /** The leader's work, until the signal aborts: leadership is lost, or the process ends. */
  lead: (signal: AbortSignal) => Promise<void>;
  /** Called when this replica begins or ends to lead, or learns that another one leads. */
  onChange: () => void;
}

/**
 * One of the replicas leads, by a Lease: it writes configurations and statuses, and audits. Nothing about safety hangs on it:
 * each of these writes is a compare-and-swap. Admission needs no leader, but for the first count of a grant with limits (ADR 7).
 */
export class Leader {
  readonly #options: LeaderOptions;
  #observed: Observed | undefined;
  #renewedAt: Date | undefined;
  #work: { stop: AbortController; done: Promise<void> } | undefined;

  constructor(options: LeaderOptions) {
    this.#options = options;
  }

  /** Whether this replica leads now. */
  get leads(): boolean {
    return this.#renewedAt !== undefined && this.#now() - this.#renewedAt.getTime() < RENEW_MS;
  }

  /** Whether another replica was last seen to lead. */
  get follows(): boolean {
    return !this.leads && Boolean(this.#observed?.lease.spec?.holderIdentity);
  }

  /** Tries to lead until the signal aborts, then lets go of the lease. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, path } = this.#options;
    while (!signal.aborted) {
      await this.#attempt().catch((error: unknown) => {
        log.warn({ path, error: messageOf(error) }, "could not take or renew the lease; trying again");
      });
      await this.#settle();
      await clock.sleep(RETRY_MS, signal);
    }
    await this.#end();
  }

  /** One look at the Lease, and one write where it may be ours. */
  async #attempt(): Promise<void> {
    const { clock, identity, onChange } = this.#options;
    const follows = this.follows;
    const seen = await this.#look();
    // A write that loses to another replica's shows who leads at the next look, which is now.
    if (!mayHold(seen, identity, clock.now())) this.#renewedAt = undefined;
    else if (!(await this.#write(held(seen.lease, identity, clock.now())))) await this.#look();
    if (this.follows !== follows) onChange();
  }

  async #look(): Promise<Observed> {
    const { api, clock, path } = this.#options;
    const answer = await api.request({ method: "GET", path, timeoutMs: CALL_MS });
    this.#observed = observe(this.#observed, leaseSchema.parse(answer), clock.now());
    return this.#observed;
  }

  async #write(lease: Lease): Promise<boolean> {
    const { api, clock, path } = this.#options;
    // The time before the call: others count from when it arrived.
    const at = clock.now();
    try {
      const body = await api.request({ method: "PUT", path, body: lease, timeoutMs: CALL_MS });
      this.#observed = observe(this.#observed, leaseSchema.parse(body), at);
      this.#renewedAt = at;
      return true;
    } catch (error) {
      if (hasStatus(error, 409)) return false;
      throw error;
    }
  }

  /** Begins or ends the leader's work. */
  async #settle(): Promise<void> {
    const { lead, log, onChange, identity } = this.#options;
    if (this.leads === (this.#work !== undefined)) return;
    if (this.#work !== undefined) {
      log.warn({ identity }, "lost the lease");
      await this.#stopWork();
    } else {
      log.info({ identity }, "leading");
      const stop = new AbortController();
      this.#work = { stop, done: lead(stop.signal) };
    }
    onChange();
  }

  async #stopWork(): Promise<void> {
    this.#renewedAt = undefined;
    this.#work?.stop.abort();
    await this.#work?.done;
    this.#work = undefined;
  }

  async #end(): Promise<void> {
    const { api, clock, log, path } = this.#options;
    const led = this.leads;
    await this.#stopWork();
    if (!led || this.#observed === undefined) return;
    const body = released(this.#observed.lease, clock.now());
    await api.request({ method: "PUT", path, body, timeoutMs: CALL_MS }).catch((error: unknown) => {
      log.warn(
        { path, error: messageOf(error) },
        "could not let go of the lease: the next leader waits for its end",
      );
    });
  }

  #now(): number {
    return this.#options.clock.now().getTime();
  }
}
