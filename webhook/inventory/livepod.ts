import { pathOf, resources } from "../../common/kube/paths.ts";
import { hasStatus } from "../../common/kube/port.ts";
import type { KubeApi } from "../../common/kube/port.ts";

/** Within the webhook's own time limit. */
const TIMEOUT_MS = 3_000;

/**
 * A pod as it is now, undefined where there is none. Asked of the API server each time: a Binding that writes
 * annotations is rare, and a cached pod may be another than the one that gets them.
 * @throws KubeApiError where the API server does not say.
 */
export async function livePod(api: KubeApi, namespace: string, name: string): Promise<unknown> {
  try {
    const path = pathOf(resources.pods, { namespace, name });
    return await api.request({ method: "GET", path, timeoutMs: TIMEOUT_MS });
  } catch (error) {
    if (hasStatus(error, 404)) return undefined;
    throw error;
  }
}
