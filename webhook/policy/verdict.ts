import { isClean } from "./decide.ts";
import type { Finding } from "./decide.ts";
import { refusalLine } from "./message.ts";
import type { Pod } from "../../common/api/pod.ts";

/** What becomes of a change. Lines are ready for people. */
export interface Verdict {
  /** Set: refused. */
  refusal: string | undefined;
  /** Admitted, and the writer is told. */
  warnings: readonly string[];
  /** Everything that is wrong, also where it is only noted; for the audit log. */
  violation: string | undefined;
}

/** Enforce refuses, Warn admits with the same line as a warning, Audit admits and notes it. */
export function verdict(pod: Pod, findings: readonly Finding[]): Verdict {
  const wrong = findings.filter((each) => !isClean(each));
  const under = (mode: string): Finding[] => wrong.filter((each) => each.profile.enforcement === mode);
  return {
    refusal: under("Enforce").length > 0 ? refusalLine(pod, under("Enforce")) : undefined,
    warnings: under("Warn").length > 0 ? [refusalLine(pod, under("Warn"))] : [],
    violation: wrong.length > 0 ? refusalLine(pod, wrong) : undefined,
  };
}
