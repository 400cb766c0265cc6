import type { Before } from "./before.ts";
import { type Claim, claimedCpus } from "./backend.ts";
import type { Step } from "./step.ts";

/** SD_LOAD_BALANCE, kernels up to 5.7 (include/linux/sched/topology.h). */
const LOAD_BALANCE = 1;

/** Raw content of each `cpuN/domainM/flags`, by its path below the directory of the domains: a decimal number. */
export type ViewFlags = ReadonlyMap<string, string>;

/** The writes that clear the bit in every domain of a claimed CPU, and give all others what they held before. */
export function planFlags(claims: readonly Claim[], view: ViewFlags, before: Before): Step[] {
  const claimed = new Set(claimedCpus(claims));
  return [...view].flatMap(([file, now]): Step[] => {
    const wanted = claimed.has(cpuOf(file)) ? `${cleared(now)}\n` : (before.get(file) ?? now);
    return wanted.trim() === now.trim() ? [] : [{ do: "write", file, text: wanted }];
  });
}

/** Which domain still balances a CPU of the claim: undefined where none does, or where the CPU has no domain. */
export function flawFlags(claim: Claim, view: ViewFlags): string | undefined {
  const balanced = [...view].find(
    ([file, flags]) => claim.cpus.includes(cpuOf(file)) && (Number(flags) & LOAD_BALANCE) !== 0,
  );
  return balanced === undefined ? undefined : `${balanced[0]} is ${balanced[1].trim()}: bit 0 is set`;
}

/** The kernel sets the bit in every domain that it builds: where it is cleared, we did it. */
export function assumeBeforeFlags(view: ViewFlags): Before {
  const ours = [...view].filter(([, flags]) => (Number(flags) & LOAD_BALANCE) === 0);
  return new Map(ours.map(([file, flags]) => [file, `${Number(flags) | LOAD_BALANCE}\n`]));
}

function cleared(flags: string): number {
  return Number(flags) & ~LOAD_BALANCE;
}

function cpuOf(file: string): number {
  return Number(/^cpu(\d+)\//.exec(file)?.[1]);
}
