import { create } from "../../../apiserver/cluster.ts";
import type { Cluster, Json } from "../../../apiserver/cluster.ts";
import { pathOf, resources } from "../../../../common/kube/paths.ts";
import { hasStatus, KubeApiError } from "../../../../common/kube/port.ts";
import type { ResourceName } from "../../../../common/kube/paths.ts";
import { waitFor } from "../../../lab/wait.ts";
import { CLASS, GRANTED, podOf, UNGRANTED } from "../workloads.ts";
import type { Workload } from "../workloads.ts";

/** A change of configuration counts as known when so many looks in a row, 20 ms apart, saw it. */
const IN_A_ROW = 10;
const TIMEOUT_MS = 120_000;

/** Waits until the API server guards as said: an ungranted pod refused or not, a granted one that asks injected or not. */
export async function awaitGuard(cluster: Cluster, on: boolean): Promise<void> {
  await steadily(on ? "guard at work" : "end of the guard", async () => (await isGuarded(cluster)) === on);
}

/** Waits until a look is true and stays so. */
export async function steadily(what: string, look: () => Promise<boolean>): Promise<void> {
  let row = 0;
  await waitFor({ what, timeoutMs: TIMEOUT_MS, intervalMs: 20 }, async () => {
    row = (await look()) ? row + 1 : 0;
    return row >= IN_A_ROW ? true : undefined;
  });
}

/** True: every pod is judged right; false: none is judged; undefined: something between. */
async function isGuarded(cluster: Cluster): Promise<boolean | undefined> {
  const results = await Promise.all([
    isRefused(cluster, UNGRANTED, "protected"),
    isRefused(cluster, UNGRANTED, "asking"),
    isRefused(cluster, GRANTED, "protected"),
    isRefused(cluster, UNGRANTED, "ordinary"),
    isInjected(cluster),
  ]);
  const seen = results.map((each) => (each ? "1" : "0")).join("");
  if (seen === "11001") return true;
  return seen === "00000" ? false : undefined;
}

async function isRefused(cluster: Cluster, namespace: string, workload: Workload): Promise<boolean> {
  try {
    await tryPod(cluster, namespace, workload);
    return false;
  } catch (error) {
    if (error instanceof KubeApiError && error.status >= 400) return true;
    throw error;
  }
}

async function isInjected(cluster: Cluster): Promise<boolean> {
  try {
    const made = (await tryPod(cluster, GRANTED, "asking")) as { spec: { runtimeClassName?: string } };
    return made.spec.runtimeClassName === CLASS;
  } catch (error) {
    if (error instanceof KubeApiError && error.status >= 400) return false;
    throw error;
  }
}

/** A dry-run create. @throws KubeApiError where it is refused. */
export function tryPod(cluster: Cluster, namespace: string, workload: Workload): Promise<unknown> {
  const path = pathOf(resources.pods, { namespace });
  return cluster.api.request({ method: "POST", path, query: { dryRun: "All" }, body: podOf(workload) });
}

/** Creates an object, or replaces the one of that name. */
export async function put(cluster: Cluster, resource: ResourceName, body: Json): Promise<void> {
  try {
    await create(cluster.api, resource, body);
  } catch (error) {
    if (!hasStatus(error, 409)) throw error;
    const { name = "" } = body["metadata"] as { name?: string };
    await cluster.api.request({ method: "PATCH", path: pathOf(resource, { name }), body });
  }
}
