import { SchedgateError } from "../../../common/errors.ts";
import type { NodeDriver } from "../types.ts";

const later = (): Promise<never> => Promise.reject(new SchedgateError("E_LAB", "--node vm is not there yet"));

/** A node in a qemu VM. */
export const vmDriver: NodeDriver = {
  requirements: () => [],
  prepare: later,
  network: later,
  start: later,
  attach: later,
  stop: () => Promise.resolve([]),
};
