import type { Contender } from "./contender.ts";

/** The API server alone. */
export function none(): Contender {
  const nothing = (): Promise<void> => Promise.resolve();
  return { name: "none", install: nothing, remove: nothing, pid: () => undefined, stop: nothing };
}
