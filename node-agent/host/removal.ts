import { messageOf } from "../../common/errors.ts";
import { pathOf, resources } from "../../common/kube/paths.ts";
import { type KubeApi, KubeApiError } from "../../common/kube/port.ts";

/** Whether this program ends for good, or only to be replaced by a newer one. */
export type Removal = { removed: boolean; why: string };

/**
 * Asks for our own DaemonSet. Only gone or going means that we are being removed. Anything else decides nothing, also a
 * refusal (401, 403): the token of a pod that was deleted by force is void while its DaemonSet is still there. Then
 * leave everything, the next start can still remove it.
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
    return { removed: false, why: `the API server does not say whether it stays: ${messageOf(error)}` };
  }
}
