import type { Finding } from "./decide.ts";

/** What one profile's finding comes to, in one word of a small set: for metrics. */
export interface Outcome {
  profile: string;
  reason: "Granted" | "NotGranted" | "Expired" | "NoRoom" | "Unusable";
}

const UNCOVERED = {
  none: "NotGranted",
  otherAccount: "NotGranted",
  expired: "Expired",
  noRoom: "NoRoom",
} as const;

/** Without a grant nothing else matters; with one, what asks may still be impossible. */
export function outcomeOf({ profile, coverage, faults }: Finding): Outcome {
  if (coverage?.covered === false) return { profile: profile.name, reason: UNCOVERED[coverage.reason] };
  return { profile: profile.name, reason: faults.length > 0 ? "Unusable" : "Granted" };
}
