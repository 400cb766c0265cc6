import { isDeepStrictEqual } from "node:util";
import type { Holder, HookGrant } from "../../common/api/hookgrant.ts";
import { shortage, withHolders } from "../policy/room.ts";
import type { Full } from "../policy/room.ts";

/** One change of who holds room of a grant. */
export type Step =
  | { kind: "take"; holder: Holder }
  /** The pod was refused after all. */
  | { kind: "leave"; uid: string }
  /** Nothing but bringing the holders up to date. */
  | { kind: "settle" };

/** What each step lacks, in order, and the grant after those that lack nothing. */
export interface Outcomes {
  grant: HookGrant;
  lacks: (Full | undefined)[];
}

/** Takes steps one after the other. */
export function outcomesOf(settled: HookGrant, steps: readonly Step[]): Outcomes {
  let grant = settled;
  const lacks = steps.map((step) => {
    const lack = step.kind === "take" ? shortage(grant, step.holder) : undefined;
    if (lack === undefined) grant = after(grant, step);
    return lack;
  });
  return { grant, lacks };
}

function after(grant: HookGrant, step: Step): HookGrant {
  if (grant.spec.limits === undefined || step.kind === "settle") return grant;
  const holders = grant.status?.holders ?? [];
  if (step.kind === "leave") {
    const others = holders.filter((each) => each.uid !== step.uid);
    return others.length === holders.length ? grant : withHolders(grant, others);
  }
  const own = holders.find((each) => each.uid === step.holder.uid);
  // Written also where it takes no more: a look from before, at a smaller pod, must not be the last word.
  const isolatedCPUs = Math.max(own?.isolatedCPUs ?? 0, step.holder.isolatedCPUs);
  return withHolders(grant, [...holders.filter((each) => each !== own), { ...step.holder, isolatedCPUs }]);
}

/** The grant with these holders; the same object where nothing of it changes. */
export function settledTo(grant: HookGrant, holders: readonly Holder[] | undefined): HookGrant {
  const { holders: before, used, ...rest } = grant.status ?? {};
  if (holders === undefined)
    return before === undefined && used === undefined ? grant : { ...grant, status: rest };
  const next = withHolders(grant, holders);
  return isDeepStrictEqual(next.status, grant.status) ? grant : next;
}
