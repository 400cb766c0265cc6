import { GRANT_ANNOTATION } from "../../common/api/names.ts";
import { type Bundle, identify } from "./bundle.ts";
import { isListed, staticPodGlobs } from "./static-pods.ts";

/**
 * Where the kubelet had the pod from: `api`, `file` or `http`. It writes this over whatever the pod itself says
 * (kubernetes, pkg/kubelet/config/config.go), so no tenant can forge it. CRI-O passes it on; containerd where its
 * handler names it.
 */
const SOURCE = "kubernetes.io/config.source";
const API = "api";

/** What a container that asks brings: what entitles it, as far as the node alone can tell, or why it is not isolated. */
export type Right = { right?: string; refusal?: undefined } | { right?: undefined; refusal: string };

/**
 * What the bundle and the node's list of static pods say to a container that asks. A pod of the API must bear the grant
 * annotation, which admission alone writes; whether it is true only the API can tell, and the daemon asks it.
 * @param staticPods text of the node's list, undefined where there is none; it is at `listPath`.
 * @throws SchedgateError E_STATIC_PODS where the list cannot be used.
 */
export function rightAtStart(bundle: Bundle, staticPods: string | undefined, listPath: string): Right {
  const { annotations } = bundle;
  const source = annotations[SOURCE] ?? API;
  if (source !== API) {
    const { namespace, pod } = identify(bundle);
    if (isListed(staticPodGlobs(staticPods, listPath), `${namespace}/${pod}`)) return { right: listPath };
    return { refusal: `it is a static pod, and ${listPath} on this node does not name ${namespace}/${pod}` };
  }
  if ((annotations[GRANT_ANNOTATION] ?? "") !== "") return {};
  return { refusal: `it has no annotation ${GRANT_ANNOTATION}: it did not pass schedgate's admission` };
}
