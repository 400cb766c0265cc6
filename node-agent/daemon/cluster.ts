import { API_VERSION, ISOLATION_LABEL } from "../../common/api/names.ts";
import type { NodeIsolationStatus } from "../../common/api/nodeisolation.ts";
import { pathOf, resources } from "../../common/kube/paths.ts";
import { type KubeApi, hasStatus } from "../../common/kube/port.ts";

/** What the agent reads of its Node. */
export interface NodeFacts {
  uid: string;
  runtime: string;
  label: string | undefined;
}

interface RawNode {
  metadata: { uid: string; labels?: Record<string, string> };
  status?: { nodeInfo?: { containerRuntimeVersion?: string } };
}

/** The agent's own Node. @throws KubeApiError */
export async function getNode(api: KubeApi, name: string): Promise<NodeFacts> {
  const node = (await api.request({ method: "GET", path: pathOf(resources.nodes, { name }) })) as RawNode;
  return {
    uid: node.metadata.uid,
    runtime: node.status?.nodeInfo?.containerRuntimeVersion ?? "",
    label: node.metadata.labels?.[ISOLATION_LABEL],
  };
}

/** Sets the label to `ready`, or removes it. @throws KubeApiError */
export async function labelNode(api: KubeApi, name: string, ready: boolean): Promise<void> {
  const body = { metadata: { labels: { [ISOLATION_LABEL]: ready ? "ready" : null } } };
  await api.request({ method: "PATCH", path: pathOf(resources.nodes, { name }), patch: "merge", body });
}

/** Writes the status; the object is made where it is missing, owned by the Node, so that it goes with it. */
export async function putStatus(
  api: KubeApi,
  name: string,
  uid: string,
  status: NodeIsolationStatus,
): Promise<void> {
  const path = pathOf(resources.nodeIsolations, { name, subresource: "status" });
  const write = (): Promise<unknown> =>
    // Three fields may be absent; a merge patch keeps what it does not name, so they are named.
    api.request({ method: "PATCH", path, patch: "merge", body: { status: { proof: null, ...status } } });
  try {
    await write();
  } catch (error) {
    if (!hasStatus(error, 404)) throw error;
    const metadata = { name, ownerReferences: [{ apiVersion: "v1", kind: "Node", name, uid }] };
    const body = { apiVersion: API_VERSION, kind: "NodeIsolation", metadata };
    await api.request({ method: "POST", path: pathOf(resources.nodeIsolations), body });
    await write();
  }
}

/** The conditions as they stand, [] where there is no object. @throws KubeApiError */
export async function getConditions(
  api: KubeApi,
  name: string,
): Promise<NonNullable<NodeIsolationStatus["conditions"]>> {
  try {
    const object = await api.request({ method: "GET", path: pathOf(resources.nodeIsolations, { name }) });
    return (object as { status?: NodeIsolationStatus }).status?.conditions ?? [];
  } catch (error) {
    if (hasStatus(error, 404)) return [];
    throw error;
  }
}

/** Removes the NodeIsolation; no error where it is gone. */
export async function removeStatus(api: KubeApi, name: string): Promise<void> {
  try {
    await api.request({ method: "DELETE", path: pathOf(resources.nodeIsolations, { name }) });
  } catch (error) {
    if (!hasStatus(error, 404)) throw error;
  }
}
