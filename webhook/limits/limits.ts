import type { HookGrant } from "../../common/api/hookgrant.ts";
import type { Pod } from "../../common/api/pod.ts";
import type { Clock } from "../../common/clock.ts";
import { messageOf, SchedgateError } from "../../common/errors.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import type { Logger } from "../../common/log.ts";
import { Loop } from "../controller/loop.ts";
import type { Inventory } from "../inventory/inventory.ts";
import type { PodView } from "../inventory/pods.ts";
import type { Claim } from "../policy/claims.ts";
import type { Full } from "../policy/room.ts";
import { settledTo } from "./batch.ts";
import { Keeper } from "./keeper.ts";
import { Reservations } from "./reservations.ts";
import { settledHolders } from "./settle.ts";

/** What became of a pod's room: `unknown` when it was not known whether there is any, `expired` when its pod never came. */
export type Reservation = "taken" | "full" | "unknown" | "released" | "expired";

export interface LimitsOptions {
  api: KubeApi;
  clock: Clock;
  log: Logger;
  inventory: Pick<Inventory, "grants" | "grant" | "profile" | "whyNotSynced">;
  pods: PodView;
  countCall: (method: "GET" | "PATCH") => void;
  count: (outcome: Reservation) => void;
}

/** The room of grants with limits: taken by admitted pods, and given back by those that ended. */
export class Limits {
  readonly #options: LimitsOptions;
  readonly #reservations: Reservations;
  readonly #loop: Loop;
  readonly #goneForSure = new Set<string>();

  constructor(options: LimitsOptions) {
    const { inventory, clock, log } = options;
    const settled = (grant: HookGrant): HookGrant => this.#settled(grant);
    this.#options = options;
    this.#reservations = new Reservations({ ...options, settled, cached: (name) => inventory.grant(name) });
    const keeper = new Keeper({
      ...options,
      settled,
      grants: () => inventory.grants(),
      reservations: this.#reservations,
      goneForSure: this.#goneForSure,
    });
    this.#loop = new Loop({ clock, log, name: "limits", look: (signal) => keeper.look(signal) });
  }

  /** Something changed: look soon. */
  wake(): void {
    this.#loop.wake();
  }

  /** Gives room back until the signal aborts. */
  run(signal: AbortSignal): Promise<void> {
    return this.#loop.run(signal);
  }

  /**
   * Takes room for a pod, or only looks whether there is some. Resolves with what is lacking.
   * @throws where it is not known whether the pod has its room: then it must be refused.
   */
  async reserve({ grant, isolatedCPUs }: Claim, pod: Pod, dryRun: boolean): Promise<Full | undefined> {
    const { uid, namespace, name } = pod;
    if (uid === undefined) {
      throw new SchedgateError(
        "E_POD",
        `pod ${namespace}/${name} has no uid, so it can hold no room of a HookGrant`,
      );
    }
    const since = this.#options.clock.now().toISOString();
    const step = { kind: "take", holder: { uid, namespace, name, isolatedCPUs, since } } as const;
    if (dryRun) return this.#reservations.judge(grant, step);
    try {
      const full = await this.#reservations.take(grant, step);
      this.#options.count(full === undefined ? "taken" : "full");
      return full;
    } catch (error) {
      this.#options.count("unknown");
      throw error;
    }
  }

  /** Gives back what was taken for a pod that is refused after all; what fails here is given back after a minute. */
  release({ grant }: Claim, { uid = "" }: Pod): void {
    const { count, log } = this.#options;
    this.#reservations.take(grant, { kind: "leave", uid }).then(
      () => {
        count("released");
      },
      (error: unknown) => {
        log.warn({ grant, error: messageOf(error) }, "could not give room back; its time will end");
      },
    );
  }

  #settled(grant: HookGrant): HookGrant {
    const { inventory, pods, clock } = this.#options;
    if (grant.spec.limits === undefined) return settledTo(grant, undefined);
    if (grant.status?.holders === undefined && !pods.synced) {
      throw new SchedgateError(
        "E_NOT_SYNCED",
        `the use of HookGrant ${grant.metadata.name} is not yet counted: pods are not in step with the API server`,
      );
    }
    const profile = inventory.profile(grant.spec.profileName);
    const options = { pods, profile, now: clock.now(), goneForSure: this.#goneForSure };
    return settledTo(grant, settledHolders(grant, options));
  }
}
