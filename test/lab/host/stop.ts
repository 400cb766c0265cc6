import { rm } from "node:fs/promises";
import { openProcesses, type Processes } from "../processes.ts";
import { restoreSysctls } from "./before.ts";
import { podCgroups, removeCgroup } from "./cgroups.ts";
import { type Claim, readClaim, removeClaim } from "./claim.ts";
import { removeClusterChains } from "./firewall.ts";
import { hostLayout } from "./layout.ts";
import { killNodeProcesses } from "./leftover.ts";
import { unmountBelow } from "./mounts.ts";
import { removeNodeAddress, removePodLinks } from "./network.ts";
import { unshareRoot } from "./propagation.ts";
import { removeOutside } from "./outside.ts";
import { removeProductLeft } from "./product-left.ts";
import { RUNTIME_PROCESS } from "./runtime.ts";

/**
 * Ends the node of a lab and gives the machine back as it was, in whatever state it is: each step is right also where
 * its work is done already. Nothing happens unless this machine is claimed for that lab.
 */
export async function stopNode(stateDir: string): Promise<string[]> {
  const claim = await readClaim();
  if (claim?.stateDir !== stateDir) return [];
  const removed = await endPrograms(stateDir, openProcesses(stateDir));
  await removeFromMachine(claim, removed);
  await removeClaim();
  return removed;
}

/** The kubelet first, which would start pods again; then the runtime; then shims, monitors and pods. */
async function endPrograms(stateDir: string, processes: Processes): Promise<string[]> {
  const ended: string[] = [];
  for (const name of ["kubelet", "kube-proxy", RUNTIME_PROCESS])
    if (await processes.end(name)) ended.push(name);
  const left = await killNodeProcesses(stateDir);
  const cgroups = await podCgroups();
  let count = 0;
  for (const cgroup of cgroups) count += await removeCgroup(cgroup);
  return [
    ...(ended.length > 0 ? [`processes: ${ended.join(", ")}`] : []),
    ...(left.length > 0 ? [`processes left over: ${summary(left)}`] : []),
    ...(count > 0 ? [`${count} cgroups: ${cgroups.join(", ")}`] : []),
  ];
}

async function removeFromMachine({ stateDir, runtime, before }: Claim, removed: string[]): Promise<void> {
  const layout = hostLayout(stateDir, runtime);
  removed.push(...(await removeProductLeft(layout, before)));
  removed.push(
    ...some(await unmountBelow(stateDir), "mounts (network namespaces, volumes, root file systems)"),
  );
  removed.push(...some(await removePodLinks(), "links of pods"));
  removed.push(...some(await removeClusterChains(), "iptables chains (KUBE-*, CNI-*)"));
  if (await removeNodeAddress()) removed.push("the node's address on lo");
  removed.push(...(await removeOutside(layout, before)));
  removed.push(...(await restoreSysctls(before)).map((name) => `${name}, put back`));
  if (before.rootPrivate && (await unshareRoot())) removed.push("sharing of the root mount, put back");
  await rm(layout.root, { recursive: true, force: true });
}

function some(count: number, what: string): string[] {
  return count === 0 ? [] : [`${count} ${what}`];
}

/** `conmon, containerd-shim (3)` */
function summary(names: readonly string[]): string {
  return [...new Set(names)]
    .sort()
    .map((name) => {
      const count = names.filter((each) => each === name).length;
      return count === 1 ? name : `${name} (${count})`;
    })
    .join(", ");
}
