import * as z from "zod";
import { microTime } from "../../common/api/time.ts";

const spec = z.looseObject({
  holderIdentity: z.string().nullish(),
  leaseDurationSeconds: z.number().nullish(),
  acquireTime: z.string().nullish(),
  renewTime: z.string().nullish(),
  leaseTransitions: z.number().nullish(),
});

/** What we read of a Lease (coordination.k8s.io/v1); the rest of it passes through untouched. */
export const leaseSchema = z.looseObject({
  metadata: z.looseObject({ resourceVersion: z.string() }),
  spec: spec.nullish(),
});
export type Lease = z.infer<typeof leaseSchema>;

/** Who does not renew for so long has lost the lease: with a try each second, room is back within 10 s also of a killed leader. */
const LEASE_MS = 7_000;

/** What a Lease says, and since when, by our own clock, it has said that. */
export interface Observed {
  lease: Lease;
  since: Date;
}

/** The same lease as observed before is as old as then: clocks of other machines are not asked. */
export function observe(before: Observed | undefined, lease: Lease, now: Date): Observed {
  const same = before?.lease.metadata.resourceVersion === lease.metadata.resourceVersion;
  return { lease, since: same ? before.since : now };
}

/** Whether `identity` may take or renew the lease: its own, nobody's, one not renewed for too long, or its pod's earlier process'. */
export function mayHold({ lease, since }: Observed, identity: string, now: Date): boolean {
  const holder = lease.spec?.holderIdentity ?? "";
  const heldMs = (lease.spec?.leaseDurationSeconds ?? LEASE_MS / 1000) * 1000;
  // A pod has one webhook process: where another of the same pod holds the lease, that one has ended.
  return holder === "" || podOf(holder) === podOf(identity) || now.getTime() - since.getTime() >= heldMs;
}

/** The Lease, held by `identity`. */
export function held(lease: Lease, identity: string, now: Date): Lease {
  const mine = lease.spec?.holderIdentity === identity;
  const time = microTime(now);
  const transitions = (lease.spec?.leaseTransitions ?? 0) + (mine ? 0 : 1);
  const acquireTime = mine ? lease.spec?.acquireTime : time;
  const duration = { leaseDurationSeconds: LEASE_MS / 1000, leaseTransitions: transitions };
  return {
    ...lease,
    spec: { ...lease.spec, holderIdentity: identity, acquireTime, renewTime: time, ...duration },
  };
}

/** The Lease, held by nobody, as client-go leaves it. */
export function released(lease: Lease, now: Date): Lease {
  return {
    ...lease,
    spec: { ...lease.spec, holderIdentity: "", leaseDurationSeconds: 1, renewTime: microTime(now) },
  };
}

/** `pod_random`. */
function podOf(identity: string): string {
  return identity.slice(0, identity.lastIndexOf("_"));
}
