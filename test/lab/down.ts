import { rm } from "node:fs/promises";
import { driverOf } from "./drivers.ts";
import { openProcesses } from "./processes.ts";
import { labName, readState, stateDirectory } from "./state.ts";

/** Ends a lab, or what a killed one left: processes, what its node changed on the machine, its state. Says what. */
export async function down(name?: string): Promise<string[]> {
  const labelled = labName(name, process.env);
  const stateDir = stateDirectory(labelled);
  const state = await readState(stateDir);
  if (state === undefined) return [];
  const processes = openProcesses(stateDir);
  const options = { ...state, log: () => undefined };
  const removed = await (await driverOf(state.node)).stop({ options, stateDir, processes });
  const ended = await processes.endAll();
  if (ended.length > 0) removed.push(`processes: ${ended.join(", ")}`);
  await rm(stateDir, { recursive: true, force: true });
  return [...removed, stateDir];
}
