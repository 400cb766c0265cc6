import {
  type CpuSet,
  intersection,
  minus,
  noCpus,
  parseCpuSet,
  sameCpus,
  union,
} from "../../common/cpuset.ts";
import type { Before } from "./before.ts";
import type { Claim } from "./backend.ts";
import { type Step, fileIn, listText } from "./step.ts";

export const EXCLUSIVE = "cpuset.cpus.exclusive";
export const PARTITION = "cpuset.cpus.partition";

/** Raw content of the two files of one cpuset that a remote partition is made of (kernel 6.11 and later). */
export interface CpusetV2 {
  exclusive: string;
  partition: string;
}

/** Cpusets by directory below the root: those of the claims, their ancestors, and all that the before-file names. */
export type ViewV2 = ReadonlyMap<string, CpusetV2>;

/**
 * The writes that make each claim's leaf an isolated remote partition and put everything else back.
 * An ancestor's exclusive list is what it held before and what live claims below it own: it is never narrower than a
 * live claim, since that would kill the partition, and widening again does not revive it. First what ended is given
 * back (the next owner of a CPU may be a sibling, and siblings must be disjoint), bottom up; then lists grow top down.
 */
export function planV2(claims: readonly Claim[], view: ViewV2, before: Before): Step[] {
  const live = claims.filter((claim) => view.has(claim.cgroup));
  const leaves = new Set(live.map((claim) => claim.cgroup));
  const dirs = [...view].sort(([a], [b]) => depth(a) - depth(b) || (a < b ? -1 : 1));
  const lists = dirs.map(([dir, now]) => exclusiveOf(dir, now, live, before));
  return [
    ...dirs.flatMap(([dir, now]) => (leaves.has(dir) ? [] : giveBack(dir, now, before))),
    ...lists
      .toReversed()
      .flatMap(({ dir, now, kept }) => (sameCpus(now, kept) ? [] : [write(dir, EXCLUSIVE, kept)])),
    ...lists.flatMap(({ dir, kept, wanted }) =>
      sameCpus(kept, wanted) ? [] : [write(dir, EXCLUSIVE, wanted)],
    ),
    ...dirs.flatMap(([dir, now]) => (leaves.has(dir) ? isolate(dir, now) : [])),
  ];
}

interface List {
  dir: string;
  now: CpuSet;
  /** What stays of `now`; then `wanted` is reached by growing only. */
  kept: CpuSet;
  wanted: CpuSet;
}

function exclusiveOf(dir: string, cpuset: CpusetV2, live: readonly Claim[], before: Before): List {
  const now = parseCpuSet(cpuset.exclusive);
  const original = parseCpuSet(before.get(fileIn(dir, EXCLUSIVE)) ?? cpuset.exclusive);
  const wanted = union(
    original,
    ...live.filter(({ cgroup }) => cgroup === dir || cgroup.startsWith(`${dir}/`)).map(({ cpus }) => cpus),
  );
  return { dir, now, kept: intersection(now, wanted), wanted };
}

function giveBack(dir: string, now: CpusetV2, before: Before): Step[] {
  const original = before.get(fileIn(dir, PARTITION));
  if (original === undefined || original === now.partition) return [];
  return [{ do: "write", file: fileIn(dir, PARTITION), text: original }];
}

// An invalid partition is not revived by fixing its cause: it has to be made anew.
function isolate(dir: string, now: CpusetV2): Step[] {
  const state = now.partition.trim();
  if (state === "isolated") return [];
  const file = fileIn(dir, PARTITION);
  const make: Step = { do: "write", file, text: "isolated\n" };
  return state === "member" ? [make] : [{ do: "write", file, text: "member\n" }, make];
}

function write(dir: string, name: string, set: CpuSet): Step {
  return { do: "write", file: fileIn(dir, name), text: listText(set) };
}

function depth(dir: string): number {
  return dir.split("/").length;
}

/** What of a claim the partition's own files do not show: undefined where all is well. */
export function flawV2(claim: Claim, read: (file: string) => string | undefined): string | undefined {
  const partition = read(fileIn(claim.cgroup, PARTITION))?.trim();
  if (partition !== "isolated")
    return `${claim.cgroup}/${PARTITION} reads "${partition ?? "(no such file)"}"`;
  const effective = parseCpuSet(read(fileIn(claim.cgroup, `${EXCLUSIVE}.effective`)) ?? "");
  const lacking = minus(claim.cpus, effective);
  if (lacking.length > 0) return `CPUs ${listText(lacking).trim()} are not in ${EXCLUSIVE}.effective`;
  const root = read("cpuset.cpus.isolated");
  const absent = root === undefined ? noCpus : minus(claim.cpus, parseCpuSet(root));
  return absent.length > 0
    ? `CPUs ${listText(absent).trim()} are not in the root's cpuset.cpus.isolated`
    : undefined;
}
