import * as z from "zod";
import { GRANT_ANNOTATION } from "../../common/api/names.ts";
import { readPod } from "../../common/api/pod.ts";
import type { Pod, ResourceList, Resources } from "../../common/api/pod.ts";
import { namesIn } from "../../common/api/subject.ts";

/** A pod as it is in the cluster, as little of it as judging needs. */
export interface PodRecord {
  /** Annotations: only protected ones and the grant's. Resources: only CPU and memory. */
  pod: Pod;
  uid: string;
  /** Succeeded or Failed: it holds nothing any more, and will not run again. */
  finished: boolean;
  /** The grants that it names. */
  grants: readonly string[];
}

const cheap = z.object({
  metadata: z.object({
    namespace: z.string(),
    uid: z.string(),
    annotations: z.custom<Record<string, string>>(isObject).nullish(),
  }),
  spec: z.object({ runtimeClassName: z.string().nullish() }),
  status: z.object({ phase: z.string().nullish() }).nullish(),
});

/** The record of a pod that names a RuntimeClass, carries a protected annotation or a grant; undefined for all others. */
export function podRecord(raw: unknown, isProtected: (key: string) => boolean): PodRecord | undefined {
  const { metadata, spec, status } = cheap.parse(raw);
  const isKept = (key: string): boolean => key === GRANT_ANNOTATION || isProtected(key);
  const kept = Object.entries(metadata.annotations ?? {}).filter(([key]) => isKept(key));
  if (!spec.runtimeClassName && kept.length === 0) return undefined;
  const pod = readPod(raw, metadata.namespace);
  return {
    pod: {
      ...pod,
      annotations: Object.fromEntries(kept),
      containers: pod.containers.map((each) => ({ ...each, ...slim(each) })),
      resources: pod.resources && slim(pod.resources),
    },
    uid: metadata.uid,
    grants: namesIn(metadata.annotations?.[GRANT_ANNOTATION]),
    finished: status?.phase === "Succeeded" || status?.phase === "Failed",
  };
}

function slim({ requests, limits }: Resources): Resources {
  return { requests: amounts(requests), limits: amounts(limits) };
}

function amounts({ cpu, memory }: ResourceList): ResourceList {
  return { ...(cpu !== undefined && { cpu }), ...(memory !== undefined && { memory }) };
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}
