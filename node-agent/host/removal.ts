import { messageOf } from "../../common/errors.ts";
import { pathOf, resources } from "../../common/kube/paths.ts";
import { type KubeApi, KubeApiError } from "../../common/kube/port.ts";

/** Whether this program ends for good, or only to be replaced by a newer one. */
export type Removal = { removed: boolean; why: string };

/**
 * Asks for our own DaemonSet. Gone or going: we are being removed. So too where our rights are gone already (401, 403):
 * somebody deletes the whole. No answer decides nothing: leave everything, the next start can still remove it.
 */
export async function beingRemoved(api: KubeApi, namespace: string, name: string): Promise<Removal> {
  try {
    const path = pathOf(resources.daemonSets, { namespace, name });
    const set = (await api.request({ method: "GET", path, timeoutMs: 5000 })) as {
      metadata?: { deletionTimestamp?: string };
    };
    const going = typeof set.metadata?.deletionTimestamp === "string";
    return { removed: going, why: going ? "its DaemonSet is being deleted" : "its DaemonSet is still there" };
  } catch (error) {
    const status = error instanceof KubeApiError ? error.status : 0;
    if (status === 404) return { removed: true, why: "its DaemonSet is gone" };
    if (status === 401 || status === 403) return { removed: true, why: `its rights are gone (${status})` };
    return { removed: false, why: `the API server gave no answer: ${messageOf(error)}` };
  }
}
