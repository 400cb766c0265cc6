import type { Count } from "./count-reporter.ts";

/** How a run of all tiers ended: its closing line, and whether that is success. */
export interface Verdict {
  line: string;
  passed: boolean;
}

/** `strict` is how CI judges: there a test that was skipped has not shown what it is there for, and counts as failed. */
export function verdict(counts: readonly Count[], strict: boolean): Verdict {
  const sum = (key: keyof Count): number => counts.reduce((total, count) => total + count[key], 0);
  const skipped = sum("skipped");
  const failed = sum("failed") + (strict ? skipped : 0);
  const rest = skipped === 0 ? "" : strict ? ` (${skipped} of them skipped)` : `, ${skipped} skipped`;
  return {
    line: `${sum("passed")} passed, ${failed} failed${rest}`,
    passed: failed === 0 && sum("passed") > 0,
  };
}
