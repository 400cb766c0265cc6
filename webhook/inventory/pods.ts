import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../../common/clock.ts";
import type { HookProfile } from "../../common/api/hookprofile.ts";
import { protectsKey } from "../../common/api/protection.ts";
import { pathOf, resources } from "../../common/kube/paths.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import { reflector } from "../../common/kube/reflector.ts";
import type { Reflector } from "../../common/kube/reflector.ts";
import type { Logger } from "../../common/log.ts";
import { readProfile } from "../policy/profile.ts";
import { podRecord } from "./podrecord.ts";
import type { PodRecord } from "./podrecord.ts";

/** Pods, as the settling of grants looks at them. */
export interface PodView {
  /** Whether they are all known. */
  readonly synced: boolean;
  lookup(namespace: string, name: string): PodRecord | undefined;
  /** Whether the pod of this uid was there once and is no more; false also where it was never seen, or nobody looks now. */
  isGone(namespace: string, name: string, uid: string): boolean;
  /** The pods that name this grant. */
  naming(grant: string): readonly PodRecord[];
}

/** So many uids are remembered; one that is forgotten is only let go later, after a look at the API server. */
const MAX_SEEN = 20_000;

/** Pods in one answer: it is in memory as a whole while it is read, and a pod can have more than a megabyte. */
const PAGE = 100;

export interface PodsOptions {
  api: KubeApi;
  clock: Clock;
  log: Logger;
  /** See `ReflectorOptions`: a cache is in step for twice as long. */
  idleMs?: number;
  /** The HookProfiles of this moment. */
  profiles: () => readonly HookProfile[];
  /** Called after each change of what is kept. */
  onChange: () => void;
}

/** The cluster's pods that any profile may concern, kept by list and watch. Memory grows with these, not with all pods. */
export class Pods implements PodView {
  readonly #options: PodsOptions;
  #current: { reflector: Reflector<PodRecord>; keys: unknown; stop: AbortController } | undefined;
  /** The uids of pods that named a grant. */
  readonly #seen = new Set<string>();
  /** Read, but not yet in the cache: a list comes in pages and is put in place as a whole. */
  #arriving: string[] = [];
  #byGrant: Map<string, PodRecord[]> | undefined;

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

  lookup(namespace: string, name: string): PodRecord | undefined {
    return this.records().get(`${namespace}/${name}`);
  }

  isGone(namespace: string, name: string, uid: string): boolean {
    // While the pods are listed anew, or by nobody here, one that is not known may well be there.
    if (!this.synced || !this.#seen.has(uid)) return false;
    const unreadable = this.#current?.reflector.unreadable().has(`${namespace}/${name}`) === true;
    return !unreadable && this.lookup(namespace, name)?.uid !== uid;
  }

  naming(grant: string): readonly PodRecord[] {
    this.#byGrant ??= byGrant(this.records().values());
    return this.#byGrant.get(grant) ?? [];
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
      this.#byGrant = undefined;
      await this.#current.reflector.run(AbortSignal.any([signal, stop.signal]));
    }
    this.#current = undefined;
    this.#byGrant = undefined;
  }

  #reflector(): Reflector<PodRecord> {
    const { profiles, onChange: tell, ...common } = this.#options;
    const read = profiles().map(readProfile);
    const isProtected = (key: string): boolean => read.some((each) => protectsKey(each, key));
    const parse = (raw: unknown): PodRecord | undefined => {
      const record = podRecord(raw, isProtected);
      if (record !== undefined && record.grants.length > 0) this.#arriving.push(record.uid);
      return record;
    };
    const onChange = (): void => {
      this.#settleIn();
      tell();
    };
    return reflector({ ...common, path: pathOf(resources.pods), page: PAGE, parse, onChange });
  }

  #settleIn(): void {
    this.#byGrant = undefined;
    for (const uid of this.#arriving) {
      this.#seen.delete(uid);
      this.#seen.add(uid);
      const [oldest] = this.#seen;
      if (this.#seen.size > MAX_SEEN && oldest !== undefined) this.#seen.delete(oldest);
    }
    this.#arriving = [];
  }

  /** All that decides which annotation keys are protected. */
  #protectedKeys(): unknown {
    return this.#options.profiles().map(({ spec }) => [spec.protects.annotations, spec.request?.annotation]);
  }
}

function byGrant(records: Iterable<PodRecord>): Map<string, PodRecord[]> {
  const lists = new Map<string, PodRecord[]>();
  for (const record of records) {
    for (const grant of record.grants) {
      const list = lists.get(grant) ?? [];
      if (list.length === 0) lists.set(grant, list);
      list.push(record);
    }
  }
  return lists;
}
