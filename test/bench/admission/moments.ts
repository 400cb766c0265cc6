import { resources } from "../../../common/kube/paths.ts";
import { KubeApiError } from "../../../common/kube/port.ts";
import { create, remove } from "../../apiserver/cluster.ts";
import type { Cluster } from "../../apiserver/cluster.ts";
import { grant } from "../../apiserver/objects.ts";
import { tryPod } from "./contenders/probe.ts";
import { emptyConfigurations, startBundle } from "./contenders/schedgate.ts";
import { UNGRANTED } from "./workloads.ts";

/** Milliseconds from the start of the program to its first "ready", each of `times` starts. */
export async function startToReady(cluster: Cluster, times: number): Promise<number[]> {
  const measured: number[] = [];
  for (let n = 0; n < times; n++) {
    const webhook = await startBundle(cluster);
    const start = performance.now();
    await webhook.ready();
    measured.push(performance.now() - start);
    await webhook.stop();
    await emptyConfigurations(cluster);
  }
  return measured;
}

/** Milliseconds from the API server's answer to the write of a grant to the first pod that it admits, each of `times` writes. */
export async function grantToHonoured(cluster: Cluster, times: number): Promise<number[]> {
  const measured: number[] = [];
  for (let n = 0; n < times; n++) {
    const name = `honoured-${n}`;
    await create(cluster.api, resources.hookGrants, grant(name, UNGRANTED));
    const written = performance.now();
    while (!(await isAdmitted(cluster)));
    measured.push(performance.now() - written);
    await remove(cluster.api, resources.hookGrants, { name });
    while (await isAdmitted(cluster));
  }
  return measured;
}

async function isAdmitted(cluster: Cluster): Promise<boolean> {
  try {
    await tryPod(cluster, UNGRANTED, "protected");
    return true;
  } catch (error) {
    if (error instanceof KubeApiError && error.status === 403) return false;
    throw error;
  }
}
