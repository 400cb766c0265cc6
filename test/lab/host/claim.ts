import { rm } from "node:fs/promises";
import { readJson, writeJson } from "../state.ts";
import type { Runtime } from "../types.ts";
import type { Before } from "./before.ts";

/** The one node that this machine can be: whose it is, and how the machine was before. */
export interface Claim {
  /** State directory of the lab. */
  stateDir: string;
  runtime: Runtime;
  before: Before;
}

/** In /run: it is gone with what it describes when the machine starts anew. */
const CLAIM_FILE = "/run/schedgate-lab-host.json";

export const readClaim = (): Promise<Claim | undefined> => readJson<Claim>(CLAIM_FILE);
export const writeClaim = (claim: Claim): Promise<void> => writeJson(CLAIM_FILE, claim);
export const removeClaim = (): Promise<void> => rm(CLAIM_FILE, { force: true });
