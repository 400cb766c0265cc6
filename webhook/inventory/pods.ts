import { z } from "zod";
import { GRANT_ANNOTATION } from "../../common/api/names.ts";
import { readPod } from "../../common/api/pod.ts";
import type { Container, Pod, ResourceList } from "../../common/api/pod.ts";
import type { Clock } from "../../common/clock.ts";
import { pathOf, resources } from "../../common/kube/paths.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import { reflector } from "../../common/kube/reflector.ts";
import type { Reflector } from "../../common/kube/reflector.ts";
import type { Logger } from "../../common/log.ts";
import { namesIn } from "../policy/grants.ts";

/** What is kept of a pod that somebody may ask about later. */
export interface PodRecord {
  uid: string;
  nodeName: string | undefined;
  /** Succeeded or Failed: it never runs again. */
  finished: boolean;
  /** With the annotations that are kept, and of its resources CPU and memory. */
  pod: Pod;
  /** The grants that it names. */
  grants: readonly string[];
}

/** Pods, as the settling of grants looks at them. */
export interface PodView {
  readonly synced: boolean;
  lookup(namespace: string, name: string): PodRecord | undefined;
  /** Whether the pod of this uid was there once and is no more; false also where it was never seen. */
  isGone(namespace: string, name: string, uid: string): boolean;
  /** The pods that name this grant. */
  naming(grant: string): readonly PodRecord[];
}

export interface PodsOptions {
  api: KubeApi;
  clock: Clock;
  log: Logger;
  onChange: () => void;
}

/** So many uids are remembered; one that is forgotten is only let go later, after a look at the API server. */
const MAX_SEEN = 20_000;

/** Every pod of the cluster, by list and watch; of most of them nothing is kept but that they are there. */
export class Pods implements PodView {
  readonly #pods: Reflector<PodRecord | undefined>;
  readonly #seen = new Set<string>();
  /** Read, but not yet in the cache: a list comes in pages and is put in place as a whole. */
  #arriving: string[] = [];
  #byGrant: Map<string, PodRecord[]> | undefined;

  constructor({ onChange, ...options }: PodsOptions) {
    this.#pods = reflector({
      ...options,
      path: pathOf(resources.pods),
      parse: (raw) => {
        const record = readRecord(raw);
        if (record !== undefined && record.grants.length > 0) this.#arriving.push(record.uid);
        return record;
      },
      onChange: () => {
        this.#settleIn();
        onChange();
      },
    });
  }

  get synced(): boolean {
    return this.#pods.synced;
  }

  /** Until the signal aborts. */
  run(signal: AbortSignal): Promise<void> {
    return this.#pods.run(signal);
  }

  lookup(namespace: string, name: string): PodRecord | undefined {
    return this.#pods.items().get(`${namespace}/${name}`);
  }

  isGone(namespace: string, name: string, uid: string): boolean {
    const isThere =
      this.lookup(namespace, name)?.uid === uid || this.#pods.unreadable().has(`${namespace}/${name}`);
    return this.#seen.has(uid) && !isThere;
  }

  naming(grant: string): readonly PodRecord[] {
    this.#byGrant ??= byGrant(this.#pods.items().values());
    return this.#byGrant.get(grant) ?? [];
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
}

const recordSchema = z.object({
  metadata: z.object({ uid: z.string(), namespace: z.string() }),
  spec: z.object({ nodeName: z.string().nullish() }),
  status: z.object({ phase: z.string().nullish() }).nullish(),
});

/** undefined for a pod that carries nothing of interest. @throws where it is not a pod. */
export function readRecord(raw: unknown): PodRecord | undefined {
  const { metadata, spec, status } = recordSchema.parse(raw);
  const pod = readPod(raw, metadata.namespace);
  const annotations = kept(pod.annotations);
  if (pod.runtimeClassName === undefined && Object.keys(annotations).length === 0) return undefined;
  return {
    uid: metadata.uid,
    nodeName: spec.nodeName ?? undefined,
    finished: status?.phase === "Succeeded" || status?.phase === "Failed",
    pod: { ...pod, annotations, containers: pod.containers.map(slim) },
    grants: namesIn(annotations[GRANT_ANNOTATION]),
  };
}

/** The grants, and whatever may be a request, by its value: no profile need be known for that. */
function kept(annotations: Pod["annotations"]): Record<string, string> {
  const isKept = ([key, value]: [string, string]): boolean =>
    key === GRANT_ANNOTATION || value === "enabled" || value === "disabled";
  return Object.fromEntries(Object.entries(annotations).filter(isKept));
}

function slim(container: Container): Container {
  return { ...container, requests: cpuAndMemory(container.requests), limits: cpuAndMemory(container.limits) };
}

function cpuAndMemory({ cpu, memory }: ResourceList): ResourceList {
  return { ...(cpu !== undefined && { cpu }), ...(memory !== undefined && { memory }) };
}

function byGrant(records: Iterable<PodRecord | undefined>): Map<string, PodRecord[]> {
  const lists = new Map<string, PodRecord[]>();
  for (const record of records) {
    for (const grant of record?.grants ?? []) {
      const list = lists.get(grant) ?? [];
      if (list.length === 0) lists.set(grant, list);
      if (record !== undefined) list.push(record);
    }
  }
  return lists;
}
