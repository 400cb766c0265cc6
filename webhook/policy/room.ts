import { MAX_COUNT, MAX_HOLDERS } from "../../common/api/hookgrant.ts";
import type { Holder, HookGrant } from "../../common/api/hookgrant.ts";

/** What a pod wants to hold of a grant. */
export interface Wanted {
  /** undefined before the server has made the pod. */
  uid: string | undefined;
  isolatedCPUs: number;
}

/** Why a grant has no room for a pod. */
export interface Full {
  grant: string;
  limit: "pods" | "isolatedCPUs";
  /** Taken by others, and the limit. */
  used: number;
  max: number;
  /** What the pod would take. */
  takes: number;
}

/** Which limit keeps a pod from this grant, or undefined where there is room. A pod has always room for what it holds. */
export function shortage({ metadata, spec, status }: HookGrant, wanted: Wanted): Full | undefined {
  if (spec.limits === undefined) return undefined;
  const { pods = MAX_HOLDERS, isolatedCPUs = Infinity } = spec.limits;
  const holders = status?.holders ?? [];
  const others = usedBy(holders.filter((each) => each.uid !== wanted.uid));
  const own = holders.find((each) => each.uid === wanted.uid);
  const grant = metadata.name;
  const atPods: Full = {
    grant,
    limit: "pods",
    used: others.pods,
    max: Math.min(pods, MAX_HOLDERS),
    takes: 1,
  };
  const atCpus: Full = {
    grant,
    limit: "isolatedCPUs",
    used: others.isolatedCPUs,
    max: isolatedCPUs,
    takes: wanted.isolatedCPUs,
  };
  const holdsIt = own !== undefined && own.isolatedCPUs >= wanted.isolatedCPUs;
  return [atPods, atCpus].find(({ used, max, takes }) => max === 0 || (!holdsIt && used + takes > max));
}

/** The sum of what these hold, within what the API can say. */
function usedBy(holders: readonly Holder[]): { pods: number; isolatedCPUs: number } {
  const cpus = holders.reduce((sum, each) => sum + each.isolatedCPUs, 0);
  return { pods: holders.length, isolatedCPUs: Math.min(cpus, MAX_COUNT) };
}

/** The grant with these holders, and nothing else of it changed. */
export function withHolders(grant: HookGrant, holders: readonly Holder[]): HookGrant {
  return { ...grant, status: { ...grant.status, holders: [...holders], used: usedBy(holders) } };
}
