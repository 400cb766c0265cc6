import { beforeFile } from "../../node-agent/isolation/before.ts";
import { detectBackend } from "../../node-agent/isolation/detect.ts";
import { ledgerIn } from "../../node-agent/isolation/ledger.ts";
import { bootIdOf } from "../../node-agent/isolation/liveness.ts";
import { type Isolation, reconcile } from "../../node-agent/isolation/reconcile.ts";
import { onHost } from "../../node-agent/oci/created.ts";
import { isolate } from "../../node-agent/oci/isolate.ts";
import { release } from "../../node-agent/oci/release.ts";
import type { Machine } from "./machine.ts";
import { mortalFs } from "./mortal-fs.ts";

/** A container as the runtime made it. */
export interface Created {
  id: string;
  podUID: string;
  cgroup: string;
  pid: number;
  cpus: number;
}

/** Calls of the node agent, each in a process of its own: nothing is remembered but what stands on disk. */
export interface Agent {
  start(created: Created): Promise<boolean>;
  remove(id: string): Promise<boolean>;
  reconcile(): Promise<boolean>;
}

/**
 * The calls give whether they came to their end.
 * @param lifetime how many changes the call that starts now lives to make.
 * @param onChanged what a call changed.
 */
export function agentOn(
  machine: Machine,
  lifetime: () => number,
  onChanged: (paths: readonly string[]) => void,
): Agent {
  const clock = {
    now: () => new Date(0),
    sleep: () => new Promise<void>((resolve) => setImmediate(resolve)),
  };
  const call = async (work: (isolation: Isolation) => Promise<unknown>): Promise<boolean> => {
    const changes = lifetime();
    const { hostFs, changed } = mortalFs(machine.hostFs, changes);
    try {
      await work({
        hostFs,
        clock,
        lock: machine.lock,
        ledger: ledgerIn(hostFs, `${machine.runDir}/ledger`),
        before: beforeFile(hostFs, `${machine.runDir}/before.json`, bootIdOf(hostFs)),
        backend: detectBackend(hostFs, machine.cgroupRoot),
      });
      return true;
    } catch (error) {
      if (changed.length > changes) return false;
      throw error;
    } finally {
      onChanged(changed);
    }
  };
  return {
    start: ({ id, pid, podUID, cgroup, cpus }) => {
      const annotations = {
        "io.kubernetes.cri.container-name": "main",
        "io.kubernetes.cri.sandbox-uid": podUID,
      };
      const bundle = { annotations, cgroupsPath: `/${cgroup}`, shares: cpus * 1024 };
      return call((isolation) => {
        const files = { kubeletState: machine.kubeletState, staticPods: "/none" };
        return isolate(isolation, { ...onHost(isolation.hostFs, files, pid), id, bundle }, "deny");
      });
    },
    remove: (id) => call((isolation) => release(isolation, id)),
    reconcile: () => call((isolation) => reconcile(isolation, 10)),
  };
}
