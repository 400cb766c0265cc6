import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../../common/clock.ts";
import type { HookProfile } from "../../common/api/hookprofile.ts";
import { pathOf, resources } from "../../common/kube/paths.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import { reflector } from "../../common/kube/reflector.ts";
import type { Reflector } from "../../common/kube/reflector.ts";
import type { Logger } from "../../common/log.ts";
import { protectsKey, readProfile } from "../policy/profile.ts";
import { podRecord } from "./podrecord.ts";
import type { PodRecord } from "./podrecord.ts";

/** Pods in one answer: it is in memory as a whole while it is read, and a pod can have more than a megabyte. */
const PAGE = 100;

export interface PodsOptions {
  api: KubeApi;
  clock: Clock;
  log: Logger;
  /** The HookProfiles of this moment. */
  profiles: () => readonly HookProfile[];
  /** Called after each change of what is kept. */
  onChange: () => void;
}

/** The cluster's pods that any profile may concern, kept by list and watch. Memory grows with these, not with all pods. */
export class Pods {
  readonly #options: PodsOptions;
  #current: { reflector: Reflector<PodRecord>; keys: unknown; stop: AbortController } | undefined;

  constructor(options: PodsOptions) {
    this.#options = options;
  }

  /** Whether they are known, by what the profiles protect now. */
  get synced(): boolean {
    const current = this.#current;
    return current?.reflector.synced === true && isDeepStrictEqual(current.keys, this.#protectedKeys());
  }

  /** When the API server was last heard of. */
  get heardAt(): Date | undefined {
    return this.#current?.reflector.heardAt;
  }

  /** By `namespace/name`. */
  records(): ReadonlyMap<string, PodRecord> {
    return this.#current?.reflector.items() ?? new Map<string, PodRecord>();
  }

  /** The profiles may have changed: annotations that were thrown away may be protected now, so the pods are listed anew. */
  reconsider(): void {
    if (!isDeepStrictEqual(this.#current?.keys, this.#protectedKeys())) this.#current?.stop.abort();
  }

  /** Until the signal aborts; never throws. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const [keys, stop] = [this.#protectedKeys(), new AbortController()];
      this.#current = { reflector: this.#reflector(), keys, stop };
      await this.#current.reflector.run(AbortSignal.any([signal, stop.signal]));
    }
    this.#current = undefined;
  }

  #reflector(): Reflector<PodRecord> {
    const { profiles, ...common } = this.#options;
    const read = profiles().map(readProfile);
    const isProtected = (key: string): boolean => read.some((each) => protectsKey(each, key));
    const parse = (raw: unknown): PodRecord | undefined => podRecord(raw, isProtected);
    return reflector({ ...common, path: pathOf(resources.pods), page: PAGE, parse });
  }

  /** All that decides which annotation keys are protected. */
  #protectedKeys(): unknown {
    return this.#options.profiles().map(({ spec }) => [spec.protects.annotations, spec.request?.annotation]);
  }
}
