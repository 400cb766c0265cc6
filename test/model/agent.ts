import { beforeFile } from "../../node-agent/isolation/before.ts";
import { detectBackend } from "../../node-agent/isolation/detect.ts";
import { ledgerIn } from "../../node-agent/isolation/ledger.ts";
import { bootIdOf } from "../../node-agent/isolation/liveness.ts";
import { type Isolation, reconcile } from "../../node-agent/isolation/reconcile.ts";
import { type Companion, remove, start, update } from "../../node-agent/oci/companion.ts";
import type { OnFailure } from "../../node-agent/oci/isolate.ts";
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

/** How a call went. */
export interface Answer {
  /** Whether it came to its end; else it was killed. */
  ended: boolean;
  /** Why the container may not start. */
  refusal?: string | undefined;
}

/** Calls of the node agent, each in a process of its own: nothing is remembered but what stands on disk. */
export interface Agent {
  /** What the launcher notes of a container at its create. */
  note(created: Created): void;
  start(id: string, onFailure: OnFailure): Promise<Answer>;
  update(id: string): Promise<Answer>;
  remove(id: string): Promise<Answer>;
  reconcile(): Promise<Answer>;
}

/**
 * @param lifetime how many changes the call that starts now lives to make.
 * @param onChanged what a call changed.
 */
export function agentOn(
  machine: Pick<Machine, "hostFs" | "lock" | "cgroupRoot" | "runDir" | "kubeletState">,
  lifetime: () => number,
  onChanged: (paths: readonly string[]) => void,
): Agent {
  const { runDir } = machine;
  const clock = {
    now: () => new Date(0),
    sleep: () => new Promise<void>((resolve) => setImmediate(resolve)),
  };
  const call = async (
    work: (companion: Companion) => Promise<unknown>,
    onFailure: OnFailure = "deny",
  ): Promise<Answer> => {
    const changes = lifetime();
    const { hostFs, changed } = mortalFs(machine.hostFs, changes);
    const open = (): Isolation => ({
      hostFs,
      clock,
      lock: machine.lock,
      ledger: ledgerIn(hostFs, `${runDir}/ledger`),
      before: beforeFile(hostFs, `${runDir}/before.json`, bootIdOf(hostFs)),
      backend: detectBackend(hostFs, machine.cgroupRoot),
    });
    const { cgroupRoot, kubeletState } = machine;
    const config = {
      runDir,
      cgroupRoot,
      kubeletState,
      staticPods: "/none",
      runc: "",
      onFailure,
      byNotes: false,
    };
    const wasKilled = (): boolean => changed.length > changes;
    try {
      const refusal = await work({ hostFs, config, open, note: () => undefined });
      return { ended: !wasKilled(), refusal: typeof refusal === "string" ? refusal : undefined };
    } catch (error) {
      if (wasKilled()) return { ended: false };
      throw error;
    } finally {
      onChanged(changed);
    }
  };
  return {
    note: ({ id, pid, podUID, cgroup, cpus }) => {
      const dir = `${runDir}/asks/${id}`;
      const annotations = {
        "io.kubernetes.cri.container-name": "main",
        "io.kubernetes.cri.sandbox-uid": podUID,
        "schedgate.dev/cpu-isolation": "enabled",
        "schedgate.dev/grant": "test",
      };
      const linux = { cgroupsPath: `/${cgroup}`, resources: { cpu: { shares: cpus * 1024 } } };
      machine.hostFs.mkdirs(dir);
      machine.hostFs.replace(`${dir}/config.json`, JSON.stringify({ annotations, linux }));
      machine.hostFs.replace(`${dir}/pid`, String(pid));
      machine.hostFs.replace(`${dir}/ask`, `${dir}\n${dir}/pid\n\n`);
    },
    start: (id, onFailure) => call((companion) => start(companion, id), onFailure),
    update: (id) => call((companion) => update(companion, id)),
    remove: (id) => call((companion) => remove(companion, id)),
    reconcile: () => call(({ open }) => reconcile(open(), 10)),
  };
}
