import { isDeepStrictEqual } from "node:util";
import * as z from "zod";
import type { Clock } from "../../common/clock.ts";
import { SchedgateError } from "../../common/errors.ts";
import { hasStatus } from "../../common/kube/port.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import type { Logger } from "../../common/log.ts";
import type { Inventory } from "../inventory/inventory.ts";
import type { Metrics } from "../metrics.ts";
import { backstopData } from "./backstopdata.ts";
import { Loop, PERIOD_MS } from "./loop.ts";

/** A ConfigMap holds 1 MiB; some of it is for its metadata. */
const MAX_BYTES = 1_000_000;

export interface BackstopOptions {
  api: KubeApi;
  clock: Clock;
  log: Logger;
  /** The ConfigMap's path; it is there where the backstop was applied. */
  path: string;
  inventory: Pick<Inventory, "whyNotSynced" | "profiles" | "grants" | "classes">;
  metrics: Pick<Metrics, "backstopCurrent">;
}

const configMapSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string(), resourceVersion: z.string() }),
  data: z.record(z.string(), z.string()).nullish(),
});

/** The leader's work for the backstop: its policy's parameters follow the profiles, classes and grants. */
export class Backstop {
  readonly #options: BackstopOptions;
  readonly #loop: Loop;

  constructor(options: BackstopOptions) {
    const { clock, log } = options;
    this.#options = options;
    this.#loop = new Loop({ clock, log, name: "backstop", look: () => this.#look() });
  }

  /** A profile, grant or class changed: look soon. */
  wake(): void {
    this.#loop.wake();
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#loop.run(signal);
    this.#options.metrics.backstopCurrent(undefined);
  }

  /** @throws KubeApiError, or SchedgateError E_BACKSTOP_SIZE: then the parameters stay as they were. */
  async #look(): Promise<number> {
    const { inventory, metrics } = this.#options;
    if (inventory.whyNotSynced() !== undefined) return PERIOD_MS;
    const live = await this.#read();
    metrics.backstopCurrent(live === undefined ? undefined : false);
    if (live === undefined) return PERIOD_MS;
    metrics.backstopCurrent(await this.#putRight(live));
    return PERIOD_MS;
  }

  /** Undefined where the backstop is not wanted. */
  async #read(): Promise<z.infer<typeof configMapSchema> | undefined> {
    const { api, path } = this.#options;
    try {
      return configMapSchema.parse(await api.request({ method: "GET", path }));
    } catch (error) {
      if (hasStatus(error, 404)) return undefined;
      throw error;
    }
  }

  /** Whether all that is protected is in it now. A compare-and-swap: a write that loses to another replica's throws, and the loop looks again. */
  async #putRight(live: z.infer<typeof configMapSchema>): Promise<boolean> {
    const { api, clock, inventory, log, path } = this.#options;
    const { data, leftOut } = backstopData({
      profiles: inventory.profiles(),
      grants: inventory.grants(),
      classes: [...inventory.classes().values()],
      now: clock.now(),
    });
    if (isDeepStrictEqual(live.data ?? {}, data)) return leftOut.length === 0;
    const bytes = Object.entries(data).reduce((sum, [key, value]) => sum + key.length + value.length, 0);
    if (bytes > MAX_BYTES) {
      const message = `profiles, classes and grants take ${bytes} bytes, and the backstop's ConfigMap holds ${MAX_BYTES}`;
      throw new SchedgateError("E_BACKSTOP_SIZE", `${message}: it stays as it was; name fewer, or remove it`);
    }
    await api.request({ method: "PUT", path, body: { ...live, data } });
    log.info({ path, bytes }, "wrote the parameters of the backstop");
    if (leftOut.length > 0)
      log.error(
        { leftOut: leftOut.slice(0, 3), count: leftOut.length },
        "too dear for the backstop: only the webhook knows these",
      );
    return leftOut.length === 0;
  }
}
