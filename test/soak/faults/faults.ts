import { caRotation, leafRotation, secretDeleted } from "./certificates.ts";
import { halfOpen } from "./connections.ts";
import { apiServerRestart, etcdPause } from "./controlplane.ts";
import type { Fault } from "./fault.ts";
import { allDown, allSlow, rollingUpdate, sigkill, unstartable } from "./replicas.ts";
import { applyAgain, profileChanges } from "./writes.ts";

/** All faults, in the order in which they come. */
export const FAULTS: readonly Fault[] = [
  rollingUpdate,
  sigkill,
  apiServerRestart,
  etcdPause,
  applyAgain,
  profileChanges,
  secretDeleted,
  caRotation,
  leafRotation,
  halfOpen,
  allDown,
  allSlow,
  unstartable,
];
