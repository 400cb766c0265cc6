import { systemClock } from "../../common/clock.ts";
import type { HostFs } from "../host/host-fs.ts";
import { beforeFile } from "./before.ts";
import { detectBackend } from "./detect.ts";
import { ledgerIn } from "./ledger.ts";
import { bootIdOf } from "./liveness.ts";
import { fileLock } from "./lock.ts";
import type { Isolation } from "./reconcile.ts";

/** Isolation on this machine: the state in `runDir` (`/run/schedgate`), the kernel below `cgroupRoot`. @throws E_BACKEND */
export function openIsolation(hostFs: HostFs, runDir: string, cgroupRoot: string): Isolation {
  return {
    hostFs,
    clock: systemClock,
    lock: fileLock(`${runDir}/lock`),
    ledger: ledgerIn(hostFs, `${runDir}/ledger`),
    before: beforeFile(hostFs, `${runDir}/before.json`, bootIdOf(hostFs)),
    backend: detectBackend(hostFs, cgroupRoot),
  };
}
