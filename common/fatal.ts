import { messageOf, SchedgateError } from "./errors.ts";
import { createLogger } from "./log.ts";

/**
 * From now on an error that nobody catches ends the program with one line of its log, exit code 1. Node's own report begins
 * with the line of the source, which in a bundle is the whole program. The stack is told where the error is not one that
 * a person can act on.
 */
export function endOnUncaught(program: string): void {
  process.once("uncaughtException", (error: unknown) => {
    const stack = error instanceof SchedgateError || !(error instanceof Error) ? undefined : error.stack;
    createLogger(program, "info").error({ error: messageOf(error), stack }, "ended by an error");
    process.exit(1);
  });
}
