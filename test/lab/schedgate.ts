import { SchedgateError } from "../../common/errors.ts";
import type { Lab } from "./types.ts";

/** Installs the product from the working tree into a lab; returns when it is ready to judge. */
export function installSchedgate(_lab: Lab): Promise<void> {
  return Promise.reject(new SchedgateError("E_LAB", "--schedgate is not there yet"));
}
