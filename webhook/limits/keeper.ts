import type { Holder, HookGrant } from "../../common/api/hookgrant.ts";
import type { Clock } from "../../common/clock.ts";
import { messageOf } from "../../common/errors.ts";
import { pathOf, resources } from "../../common/kube/paths.ts";
import { hasStatus } from "../../common/kube/port.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import type { Logger } from "../../common/log.ts";
import { PERIOD_MS } from "../controller/loop.ts";
import { inTurns } from "../controller/turns.ts";
import { podRecord } from "../inventory/podrecord.ts";
import type { PodView } from "../inventory/pods.ts";
import type { Reservations } from "./reservations.ts";
import { holding, overdue, RESERVED_MS } from "./settle.ts";

export interface KeeperOptions {
  api: KubeApi;
  clock: Clock;
  log: Logger;
  grants: () => readonly HookGrant[];
  pods: PodView;
  settled: (grant: HookGrant) => HookGrant;
  reservations: Pick<Reservations, "take">;
  /** See `SettleOptions`. */
  goneForSure: Set<string>;
  /** Called for each of them. */
  count: (outcome: "expired") => void;
}

/** So many pods are asked for at one look. */
const MAX_QUESTIONS = 50;

/** Keeps the holders of all grants in step with the pods, where this replica leads. Writes are by compare-and-swap. */
export class Keeper {
  readonly #options: KeeperOptions;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /** One look at all grants. Until the next one at most so many milliseconds. */
  async look(signal: AbortSignal): Promise<number> {
    const { clock, pods, grants, settled, reservations, log } = this.#options;
    if (!pods.synced) return PERIOD_MS;
    await this.#askForOverdue(signal);
    for await (const grant of inTurns(grants(), () => clock.sleep(0, signal))) {
      if (signal.aborted || settled(grant) === grant) continue;
      await reservations.take(grant.metadata.name, { kind: "settle" }).catch((error: unknown) => {
        log.warn(
          { grant: grant.metadata.name, error: messageOf(error) },
          "could not bring its use up to date",
        );
      });
    }
    return this.#untilNextOverdue();
  }

  async #askForOverdue(signal: AbortSignal): Promise<void> {
    const { clock, goneForSure, grants, pods, count } = this.#options;
    const now = clock.now();
    const late = grants().flatMap((grant) =>
      overdue(grant, pods, now).map((holder) => ({ holder, grant: grant.metadata.name })),
    );
    const keyOf = ({ grant, holder }: (typeof late)[number]): string => holding(grant, holder.uid);
    const keys = new Set(late.map(keyOf));
    for (const key of goneForSure) if (!keys.has(key)) goneForSure.delete(key);
    const unknown = late.filter((each) => !goneForSure.has(keyOf(each)));
    for (const each of unknown.slice(0, MAX_QUESTIONS)) {
      if (await this.#holds(each.holder, each.grant, signal)) continue;
      goneForSure.add(keyOf(each));
      count("expired");
    }
  }

  /** Whether the pod is there, alive, and names the grant, by the API server's own word. @throws where it gives none. */
  async #holds({ namespace, name, uid }: Holder, grant: string, signal: AbortSignal): Promise<boolean> {
    const path = pathOf(resources.pods, { namespace, name });
    try {
      const raw = await this.#options.api.request({ method: "GET", path, signal });
      const record = podRecord(raw, () => false);
      return record?.uid === uid && !record.finished && record.grants.includes(grant);
    } catch (error) {
      if (hasStatus(error, 404)) return false;
      throw error;
    }
  }

  #untilNextOverdue(): number {
    const now = this.#options.clock.now().getTime();
    const ends = this.#options
      .grants()
      .flatMap(({ status }) =>
        (status?.holders ?? []).map((each) => Date.parse(each.since) + RESERVED_MS - now),
      )
      .filter((each) => each >= 0);
    return ends.reduce((least, each) => Math.min(least, each), PERIOD_MS);
  }
}
