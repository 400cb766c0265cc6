import { type CpuSet, intersection, minus, parseCpuSet, sameCpus, union } from "../../common/cpuset.ts";
import type { Before } from "./before.ts";
import { type Claim, claimedCpus } from "./backend.ts";
import { type Step, fileIn, listText } from "./step.ts";

export const FLAG = "cpuset.sched_load_balance";
export const CPUS = "cpuset.cpus";
/** Our own cpuset, without tasks: an empty cpuset that is balanced still makes a sched domain of its CPUs. */
export const HOUSEKEEPING = "schedgate-housekeeping";

/** Raw content of the two files of a v1 cpuset that decide about sched domains. */
export interface CpusetV1 {
  cpus: string;
  flag: string;
}

/** Every cpuset by directory, "" for the root. */
export interface ViewV1 {
  online: CpuSet;
  cpusets: ReadonlyMap<string, CpusetV1>;
}

/**
 * The writes that leave every cpuset which overlaps a claimed CPU unbalanced, the root too, while the housekeeping
 * cpuset balances all that was balanced before; with no claim everything goes back. No task is moved.
 */
export function planV1(claims: readonly Claim[], view: ViewV1, before: Before): Step[] {
  const isolated = intersection(claimedCpus(claims), view.online);
  const others = [...view.cpusets].filter(([dir]) => dir !== "" && dir !== HOUSEKEEPING);
  const flags = others.flatMap(([dir, now]) => flagStep(dir, now, touches(now, isolated), before));
  const root = rootStep(isolated, view, before);
  // Giving all back, the root's one domain comes first and covers the rest; taking, it falls last, when all is ready.
  return isolated.length === 0
    ? [...root, ...flags, ...housekeeping([], view)]
    : [...housekeeping(minus(balancedBefore(view, others, before), isolated), view), ...flags, ...root];
}

function rootStep(isolated: CpuSet, view: ViewV1, before: Before): Step[] {
  const now = view.cpusets.get("");
  return now === undefined ? [] : flagStep("", now, isolated.length > 0, before);
}

// A new cpuset has the flag and no CPUs for a moment: cleared now, it brings nothing back when it gets them.
function touches(now: CpusetV1, isolated: CpuSet): boolean {
  const cpus = parseCpuSet(now.cpus);
  return isolated.length > 0 && (cpus.length === 0 || intersection(cpus, isolated).length > 0);
}

function flagStep(dir: string, now: CpusetV1, clear: boolean, before: Before): Step[] {
  const file = fileIn(dir, FLAG);
  const wanted = clear ? "0\n" : (before.get(file) ?? now.flag);
  return wanted.trim() === now.flag.trim() ? [] : [{ do: "write", file, text: wanted }];
}

// Where the root was unbalanced before us, an admin made the domains: only what his cpusets balanced stays balanced.
function balancedBefore(view: ViewV1, others: [string, CpusetV1][], before: Before): CpuSet {
  const wasBalanced = (dir: string, now: CpusetV1): boolean =>
    (before.get(fileIn(dir, FLAG)) ?? now.flag).trim() === "1";
  const root = view.cpusets.get("");
  if (root === undefined || wasBalanced("", root)) return view.online;
  return intersection(
    view.online,
    union(...others.filter(([dir, now]) => wasBalanced(dir, now)).map(([, now]) => parseCpuSet(now.cpus))),
  );
}

function housekeeping(cpus: CpuSet, view: ViewV1): Step[] {
  const now = view.cpusets.get(HOUSEKEEPING);
  if (cpus.length === 0) return now === undefined ? [] : [{ do: "rmdir", dir: HOUSEKEEPING }];
  const list: Step = { do: "write", file: fileIn(HOUSEKEEPING, CPUS), text: listText(cpus), own: true };
  if (now === undefined) return [{ do: "mkdir", dir: HOUSEKEEPING }, list];
  const flag: Step = { do: "write", file: fileIn(HOUSEKEEPING, FLAG), text: "1\n", own: true };
  return [
    ...(sameCpus(parseCpuSet(now.cpus), cpus) ? [] : [list]),
    ...(now.flag.trim() === "1" ? [] : [flag]),
  ];
}

/** Which cpuset still balances a CPU of the claim: undefined where none does. */
export function flawV1(claim: Claim, view: ViewV1): string | undefined {
  for (const [dir, { cpus, flag }] of view.cpusets) {
    const overlap = dir === "" ? claim.cpus : intersection(parseCpuSet(cpus), claim.cpus);
    if (flag.trim() !== "0" && overlap.length > 0)
      return `${fileIn(dir, FLAG)} is ${flag.trim()} over CPU ${listText(overlap).trim()}`;
  }
  return undefined;
}

/** Where our housekeeping cpuset stands, what is cleared over the CPUs that it lacks was balanced, as every cpuset is at first. */
export function assumeBeforeV1({ online, cpusets }: ViewV1): Before {
  const ours = cpusets.get(HOUSEKEEPING);
  if (ours === undefined) return new Map();
  const isolated = minus(online, parseCpuSet(ours.cpus));
  const cleared = [...cpusets].filter(
    ([dir, now]) => now.flag.trim() === "0" && (dir === "" || touches(now, isolated)),
  );
  return new Map(cleared.map(([dir]) => [fileIn(dir, FLAG), "1\n"]));
}
