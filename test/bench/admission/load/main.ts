// The load generator's process: one message in, a job; one message out, what came of it.
import { generate } from "./generate.ts";
import type { Job, Outcome, Target } from "./generate.ts";

export type Answer = { outcome: Outcome } | { error: string };

const target = JSON.parse(process.argv[2] ?? "") as Target;
process.on("message", (job: Job) => {
  generate(target, job)
    .then((outcome): Answer => ({ outcome }))
    .catch((error: unknown): Answer => ({ error: String(error) }))
    .then((answer) => process.send?.(answer))
    .catch((error: unknown) => {
      throw error;
    });
});
