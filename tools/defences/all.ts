import { classDefences } from "./classes.ts";
import type { Defence } from "./defence.ts";
import { identityDefences } from "./identities.ts";
import { policyDefences } from "./policy.ts";
import { roomDefences } from "./room.ts";
import { runningDefences } from "./running.ts";
import { serviceDefences } from "./service.ts";
import { writeDefences } from "./writes.ts";

/** Every defence whose test is proven by taking it away. */
export const allDefences: readonly Defence[] = [
  ...policyDefences,
  ...roomDefences,
  ...writeDefences,
  ...identityDefences,
  ...classDefences,
  ...serviceDefences,
  ...runningDefences,
];
