import { SchedgateError } from "./errors.ts";

/** A set of CPU numbers, sorted and without repeats. Build it only with the functions of this file. */
export type CpuSet = readonly number[];

/** The highest CPU number accepted; the kernel's own limit (CONFIG_NR_CPUS) is 8192. */
const MAX_CPU = 8191;

const ITEM = /^(\d{1,4})(?:-(\d{1,4}))?$/;

/** The empty set. */
export const noCpus: CpuSet = [];

/**
 * Reads the kernel's list format: `0-3,6`, empty for none (man cpuset(7), FORMATS, List format).
 * @throws SchedgateError E_CPUSET where the text is anything else.
 */
export function parseCpuSet(text: string): CpuSet {
  const trimmed = text.trim();
  if (trimmed === "") return noCpus;
  return cpuSet(trimmed.split(",").flatMap((item) => range(item, trimmed)));
}

function range(item: string, whole: string): number[] {
  const match = ITEM.exec(item);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (match === null || first > last || last > MAX_CPU) {
    throw new SchedgateError("E_CPUSET", `"${whole.slice(0, 200)}" is not a CPU list such as "0-3,6"`);
  }
  return Array.from({ length: last - first + 1 }, (_, offset) => first + offset);
}

/** The set of these CPU numbers. */
export function cpuSet(cpus: Iterable<number>): CpuSet {
  return [...new Set(cpus)].sort((a, b) => a - b);
}

/** The shortest list text of a set, as the kernel prints it: `0-3,6`. */
export function formatCpuSet(set: CpuSet): string {
  const parts: string[] = [];
  for (let start = 0; start < set.length;) {
    let end = start;
    while (set[end + 1] === (set[end] ?? 0) + 1) end += 1;
    parts.push(end === start ? String(set[start]) : `${set[start] ?? 0}-${set[end] ?? 0}`);
    start = end + 1;
  }
  return parts.join(",");
}

/** Every CPU that is in any of the sets. */
export function union(...sets: readonly CpuSet[]): CpuSet {
  return cpuSet(sets.flat());
}

/** The CPUs of `a` that are not in `b`. */
export function minus(a: CpuSet, b: CpuSet): CpuSet {
  const other = new Set(b);
  return a.filter((cpu) => !other.has(cpu));
}

/** The CPUs in both sets. */
export function intersection(a: CpuSet, b: CpuSet): CpuSet {
  const other = new Set(b);
  return a.filter((cpu) => other.has(cpu));
}

/** Whether both sets hold the same CPUs. */
export function sameCpus(a: CpuSet, b: CpuSet): boolean {
  return a.length === b.length && a.every((cpu, index) => cpu === b[index]);
}

/** Whether every CPU of `inner` is in `outer`. */
export function isSubset(inner: CpuSet, outer: CpuSet): boolean {
  return minus(inner, outer).length === 0;
}
