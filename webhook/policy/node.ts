import type { Pod } from "../../common/api/pod.ts";
import type { Finding } from "./decide.ts";

/** The group of every node's identity. */
const NODES = "system:nodes";

/** The kubelet puts it on the object that mirrors a pod from a static file. */
const MIRROR = "kubernetes.io/config.mirror";

/** Whether a node's own identity sends the request. */
export function isNode(groups: readonly string[]): boolean {
  return groups.includes(NODES);
}

/** A node's mirror of a static pod: that pod runs already, whatever we say. The annotation alone proves nothing. */
export function isMirror(pod: Pod, groups: readonly string[]): boolean {
  return isNode(groups) && MIRROR in pod.annotations;
}

/** A node may write the status of its pods, and never what is protected, whoever has a grant. */
export function nodeRefusal(pod: Pod, findings: readonly Finding[]): string | undefined {
  const [first] = findings;
  if (first === undefined) return undefined;
  return `pod ${pod.namespace}/${pod.name}: a node may not write what HookProfile ${first.profile.name} protects`;
}
