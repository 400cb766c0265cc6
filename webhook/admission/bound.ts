import * as z from "zod";
import { readBinding } from "../../common/api/binding.ts";
import { readPod } from "../../common/api/pod.ts";
import { SchedgateError } from "../../common/errors.ts";
import type { ClusterView, PodWrite } from "./change.ts";

const identified = z.object({ metadata: z.object({ uid: z.string().min(1) }) });

/**
 * What a Binding would make of its pod: the API server merges the Binding's annotations into it, and asks nobody about
 * that write of the pod.
 * @throws SchedgateError E_POD where it is no Binding, or its pod is not there: it could be made a moment later.
 */
export async function readBoundPod(raw: unknown, namespace: string, cluster: ClusterView): Promise<PodWrite> {
  const { name, uid, annotations } = readBinding(raw);
  const live = await cluster.livePod(namespace, name);
  if (live === undefined) throw new SchedgateError("E_POD", `there is no pod ${namespace}/${name} to bind`);
  const before = readPod(live, namespace);
  const after = { ...before, annotations: { ...before.annotations, ...annotations } };
  return {
    change: { before, after, handler: undefined },
    written: annotations,
    uids: { judged: identified.parse(live).metadata.uid, named: uid },
  };
}
