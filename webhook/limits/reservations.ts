import { hookGrantSchema } from "../../common/api/hookgrant.ts";
import type { HookGrant } from "../../common/api/hookgrant.ts";
import type { Clock } from "../../common/clock.ts";
import { SchedgateError } from "../../common/errors.ts";
import { pathOf, resources } from "../../common/kube/paths.ts";
import { hasStatus } from "../../common/kube/port.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import type { Full } from "../policy/room.ts";
import { outcomesOf } from "./batch.ts";
import type { Step } from "./batch.ts";

export interface ReservationsOptions {
  api: KubeApi;
  clock: Clock;
  /** The grant as the cache has it, undefined where there is none. */
  cached(name: string): HookGrant | undefined;
  /** The grant with those holders that it should have now. @throws SchedgateError E_NOT_SYNCED where that is unknown. */
  settled(grant: HookGrant): HookGrant;
  /** Counts calls to the API server. */
  countCall: (method: "GET" | "PATCH") => void;
}

interface Waiting {
  step: Step;
  /** Nobody waits for the answer after this, milliseconds since 1970. */
  until: number;
  resolve: (full: Full | undefined) => void;
  reject: (error: unknown) => void;
}

/** A request waits no longer for its room: the API server gives up on the webhook after 5 s. */
const PATIENCE_MS = 4_000;

/** Between two writes of one grant, in proportion to what a write took: another replica needs a read and a write. */
const PAUSES = 2;
const MAX_PAUSE_MS = 200;

/**
 * Changes of who holds room of a grant, by compare-and-swap on its status. One write of a grant is under way at a time;
 * what comes meanwhile goes into the next one together.
 */
export class Reservations {
  readonly #options: ReservationsOptions;
  readonly #waiting = new Map<string, Waiting[]>();
  readonly #written = new Map<string, HookGrant>();

  constructor(options: ReservationsOptions) {
    this.#options = options;
  }

  /**
   * Takes a step on a grant, with others that wait. Resolves with undefined when it is written, or what it lacks.
   * @throws KubeApiError or SchedgateError where it is not known whether it was written.
   */
  take(grant: string, step: Step): Promise<Full | undefined> {
    const until = this.#now() + PATIENCE_MS;
    return new Promise((resolve, reject) => {
      const entry = { step, until, resolve, reject };
      const waiting = this.#waiting.get(grant);
      if (waiting !== undefined) waiting.push(entry);
      else {
        this.#waiting.set(grant, [entry]);
        void this.#work(grant);
      }
    });
  }

  /** What a step would lack now; nothing is written. */
  judge(grant: string, step: Step): Full | undefined {
    return outcomesOf(this.#options.settled(this.#known(grant)), [step]).lacks[0];
  }

  /** Never throws: what goes wrong is for those who wait. */
  async #work(grant: string): Promise<void> {
    for (;;) {
      const batch = this.#waiting.get(grant) ?? [];
      if (batch.length === 0) break;
      this.#waiting.set(grant, []);
      const began = this.#now();
      const inTime = batch.filter((each) => each.until > began);
      for (const each of batch) if (!inTime.includes(each)) each.reject(busy());
      if (inTime.length === 0) continue;
      await this.#commit(grant, inTime).catch((error: unknown) => {
        for (const each of inTime) each.reject(error);
      });
      const pause = Math.min(PAUSES * (this.#now() - began), MAX_PAUSE_MS);
      if (this.#waiting.get(grant)?.length !== 0) await this.#options.clock.sleep(pause);
    }
    this.#waiting.delete(grant);
  }

  async #commit(name: string, batch: readonly Waiting[]): Promise<void> {
    for (let base = this.#known(name); ; base = await this.#read(name, batch)) {
      const settled = this.#options.settled(base);
      const { grant, lacks } = outcomesOf(
        settled,
        batch.map((each) => each.step),
      );
      const isDone = grant === base || (await this.#write(base, grant, batch));
      if (!isDone) continue;
      batch.forEach((each, i) => {
        each.resolve(lacks[i]);
      });
      return;
    }
  }

  /** False where somebody else wrote first. */
  async #write(base: HookGrant, { status }: HookGrant, batch: readonly Waiting[]): Promise<boolean> {
    const { name, resourceVersion } = base.metadata;
    // The fields that are ours alone: the conditions have another writer.
    const { holders = null, used = null } = status ?? {};
    const body = { metadata: { resourceVersion }, status: { holders, used } };
    const path = pathOf(resources.hookGrants, { name, subresource: "status" });
    try {
      this.#options.countCall("PATCH");
      const call = { method: "PATCH", path, body, timeoutMs: this.#left(batch) } as const;
      this.#remember(await this.#options.api.request(call));
      return true;
    } catch (error) {
      if (!hasStatus(error, 409)) throw error;
      return false;
    }
  }

  async #read(name: string, batch: readonly Waiting[]): Promise<HookGrant> {
    this.#options.countCall("GET");
    const path = pathOf(resources.hookGrants, { name });
    return this.#remember(
      await this.#options.api.request({ method: "GET", path, timeoutMs: this.#left(batch) }),
    );
  }

  #remember(raw: unknown): HookGrant {
    const grant = hookGrantSchema.parse(raw);
    this.#written.set(grant.metadata.name, grant);
    return grant;
  }

  /** The newer of what the cache has and what we wrote or read last. A wrong guess only costs a conflict. */
  #known(name: string): HookGrant {
    const [cached, written] = [this.#options.cached(name), this.#written.get(name)];
    if (cached === undefined || written === undefined || versionOf(cached) >= versionOf(written)) {
      this.#written.delete(name);
      if (cached !== undefined) return cached;
      throw new SchedgateError("E_NOT_SYNCED", `HookGrant ${name} is gone`);
    }
    return written;
  }

  /** Until the first of those who wait gives up, milliseconds. @throws SchedgateError E_BUSY when that is over. */
  #left(batch: readonly Waiting[]): number {
    const left = Math.min(...batch.map((each) => each.until)) - this.#now();
    if (left > 0) return left;
    throw busy();
  }

  #now(): number {
    return this.#options.clock.now().getTime();
  }
}

function busy(): SchedgateError {
  return new SchedgateError("E_BUSY", "the room of a HookGrant could not be reserved in time: try again");
}

/** Versions of one object grow (KEP-5504). */
function versionOf({ metadata }: HookGrant): bigint {
  return BigInt(metadata.resourceVersion ?? 0);
}
