import type { Pod } from "../../common/api/pod.ts";
import type { Finding } from "./decide.ts";
import { podLine } from "./message.ts";

/** The group of every node's identity. */
const NODES = "system:nodes";

/** The username of a node's identity begins so and ends with the node's name. */
const NODE_USER = "system:node:";

/** Who sends a request, as the API server authenticated it. */
export interface Requester {
  username: string;
  groups: readonly string[];
}

/** The kubelet puts it on the object that mirrors a pod from a static file. */
const MIRROR = "kubernetes.io/config.mirror";

/** Whether a node's own identity sends the request. */
export function isNode(groups: readonly string[]): boolean {
  return groups.includes(NODES);
}

/**
 * A node's mirror of a static pod of its own: that pod runs already, whatever we say. The annotation alone proves nothing,
 * and neither does being some other node.
 */
export function isMirror(pod: Pod, { username, groups }: Requester): boolean {
  if (!isNode(groups) || pod.nodeName === undefined || !Object.hasOwn(pod.annotations, MIRROR)) return false;
  return username === `${NODE_USER}${pod.nodeName}`;
}

/** A node may write the status of its pods, and never what is protected, whoever has a grant. */
export function nodeRefusal(pod: Pod, findings: readonly Finding[]): string | undefined {
  const [first] = findings;
  if (first === undefined) return undefined;
  return podLine(pod, `a node may not write what HookProfile ${first.profile.name} protects`);
}
