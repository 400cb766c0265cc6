import { basename } from "node:path";
import { SchedgateError } from "../../../common/errors.ts";
import type { Runtime } from "../types.ts";
import { recordBefore } from "./before.ts";
import { podCgroups } from "./cgroups.ts";
import { readClaim, writeClaim } from "./claim.ts";
import { hasClusterChains } from "./firewall.ts";
import { foreignKubelet, nodeProcesses } from "./leftover.ts";
import { stopNode } from "./stop.ts";

/**
 * Takes this machine for a lab's node, after cleaning up behind a killed one.
 * @throws SchedgateError E_HOST where another lab's node runs, or where the machine is a node of some other cluster.
 */
export async function occupyMachine(
  stateDir: string,
  runtime: Runtime,
  log: (line: string) => void,
): Promise<void> {
  await cleanUpKilled(stateDir, log);
  const reason = await foreignNode(stateDir);
  if (reason !== undefined) {
    throw new SchedgateError(
      "E_HOST",
      `this machine is a node of some cluster (${reason}), and can only be one: use --node vm, or end that node`,
    );
  }
  await writeClaim({ stateDir, runtime, before: await recordBefore() });
}

async function cleanUpKilled(stateDir: string, log: (line: string) => void): Promise<void> {
  const claim = await readClaim();
  if (claim === undefined) return;
  if (claim.stateDir !== stateDir && (await nodeProcesses(claim.stateDir)).length > 0) {
    const name = basename(claim.stateDir).replace(/^schedgate-lab-/, "");
    throw new SchedgateError(
      "E_HOST",
      `this machine is the node of the lab "${name}": end it first (npm run lab -- down --name ${name})`,
    );
  }
  for (const line of await stopNode(claim.stateDir)) log(`left over from before, removed: ${line}`);
}

async function foreignNode(stateDir: string): Promise<string | undefined> {
  const pid = await foreignKubelet(stateDir);
  if (pid !== undefined) return `kubelet runs as process ${pid}`;
  const [cgroup] = await podCgroups();
  if (cgroup !== undefined) return `there are pods in ${cgroup}`;
  return (await hasClusterChains()) ? "iptables has KUBE-* or CNI-* chains" : undefined;
}
