import { join } from "node:path";

/** `msg` of the log line of each call that apicalls.ts saw. */
export const API_CALL = "API call";

/** The module that a webhook has to import for that. */
export const apiCallsLogged = join(import.meta.dirname, "apicalls.ts");

/** The calls in a webhook's log, each as method and path. */
export function apiCalls(log: readonly Record<string, unknown>[]): string[] {
  return log.filter((line) => line["msg"] === API_CALL).map((line) => String(line["call"]));
}
