import type { Holder, HookGrant } from "../../common/api/hookgrant.ts";
import { MAX_HOLDERS } from "../../common/api/hookgrant.ts";
import type { Pod } from "../../common/api/pod.ts";
import type { PodRecord } from "../inventory/podrecord.ts";
import type { PodView } from "../inventory/pods.ts";
import { askingContainers } from "../policy/asking.ts";
import { isolatedCpus } from "../policy/isolatedcpus.ts";
import type { Profile } from "../policy/profile.ts";

/** A create is under way so long at most after our answer (the API server's own time limit), milliseconds. */
export const RESERVED_MS = 60_000;

export interface SettleOptions {
  pods: PodView;
  profile: Profile | undefined;
  now: Date;
  /** Pods of which the API server itself said that they hold nothing of a grant, see `holding`. */
  goneForSure: ReadonlySet<string>;
}

/** A pod in a grant: it may hold room of one, and none of another. */
export function holding(grant: string, uid: string): string {
  return `${grant} ${uid}`;
}

/**
 * Who holds room of a grant with limits by what is known of the pods: those that ended are out, those that name the
 * grant are in, whatever the limits say. A holder that was never seen stays: its pod may be about to appear. What a
 * stale view says does no lasting harm: an end is final, and whoever is missed, or is larger, is counted at a later look.
 */
export function settledHolders(grant: HookGrant, options: SettleOptions): Holder[] {
  const { pods, profile, now, goneForSure } = options;
  const isGone = (uid: string): boolean => goneForSure.has(holding(grant.metadata.name, uid));
  const held = (grant.status?.holders ?? []).flatMap((holder) => {
    if (hasEnded(holder, pods) || isGone(holder.uid)) return [];
    const record = recordOf(holder, pods);
    if (record?.grants.includes(grant.metadata.name) !== true || isYoung(holder, now)) return [holder];
    return [{ ...holder, isolatedCPUs: sizeOf(holder, record.pod, profile) }];
  });
  const known = new Set(held.map((each) => each.uid));
  const found = pods
    .naming(grant.metadata.name)
    .filter((each) => !each.finished && !known.has(each.uid) && !isGone(each.uid))
    .map(({ uid, pod }) => ({
      uid,
      namespace: pod.namespace,
      name: pod.name,
      isolatedCPUs: isolatedCpus(profile, pod),
      since: now.toISOString(),
    }));
  return [...held, ...found].slice(0, MAX_HOLDERS);
}

/**
 * A pod that asks holds what it takes, also where an earlier look, at a view that was late, made it smaller. For one that
 * asks no more all containers count, and to stop asking is always allowed: so it only gets smaller.
 */
function sizeOf(holder: Holder, pod: Pod, profile: Profile | undefined): number {
  const cpus = isolatedCpus(profile, pod);
  const asks = profile !== undefined && askingContainers(profile, pod).length > 0;
  return asks ? cpus : Math.min(holder.isolatedCPUs, cpus);
}

/** The holders whose time to appear is over, and that nobody here has seen: only the API server can tell. */
export function overdue(grant: HookGrant, pods: PodView, now: Date): Holder[] {
  return (grant.status?.holders ?? []).filter((each) => {
    if (hasEnded(each, pods) || isYoung(each, now)) return false;
    return recordOf(each, pods)?.grants.includes(grant.metadata.name) !== true;
  });
}

/** Whether it may still be on its way: reserved, or grown, a moment ago. */
function isYoung({ since }: Holder, now: Date): boolean {
  return now.getTime() - Date.parse(since) < RESERVED_MS;
}

function recordOf({ namespace, name, uid }: Holder, pods: PodView): PodRecord | undefined {
  const record = pods.lookup(namespace, name);
  return record?.uid === uid ? record : undefined;
}

function hasEnded(holder: Holder, pods: PodView): boolean {
  const record = recordOf(holder, pods);
  return record === undefined ? pods.isGone(holder.namespace, holder.name, holder.uid) : record.finished;
}
