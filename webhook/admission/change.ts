import { readPod } from "../../common/api/pod.ts";
import type { Pod } from "../../common/api/pod.ts";
import { SchedgateError } from "../../common/errors.ts";
import type { Change } from "../policy/decide.ts";
import { readBoundPod } from "./bound.ts";
import type { AdmissionRequest } from "./review.ts";
import type { Route } from "./routes.ts";

/** The RuntimeClasses of the cluster. */
export interface Classes {
  /** The handler of a RuntimeClass, undefined where there is no such class. @throws where that can't be known. */
  handlerOf(runtimeClassName: string): Promise<string | undefined>;
}

/** What admission asks of the cluster, beside the request itself. */
export interface ClusterView extends Classes {
  /** A pod as it is now, undefined where there is none. @throws where that can't be known. */
  livePod(namespace: string, name: string): Promise<unknown>;
}

/** A change that a request wants to make to a pod. */
export interface PodWrite {
  change: Change;
  /** The annotations of the object in the request, which a patch changes: of the pod, or of the Binding. */
  written: Pod["annotations"];
  /** Of a Binding: the pod that it was judged for, and the one that it names; both must be the same. */
  uids?: { judged: string; named: string | undefined };
}

/**
 * The change that a request wants to make to a pod, with its class resolved.
 * @throws SchedgateError E_POD for something that is not a pod, E_CLASS for a class that does not exist.
 */
export async function readWrite(
  route: Route,
  request: AdmissionRequest,
  cluster: ClusterView,
): Promise<PodWrite> {
  const namespace = request.namespace ?? "";
  if (route === "bind") return readBoundPod(request.object, namespace, cluster);
  const after = readPod(request.object, namespace);
  const before = route === "create" ? undefined : readPod(request.oldObject, namespace);
  const isNew = before === undefined || before.runtimeClassName !== after.runtimeClassName;
  // Looked up only where the class is new: a pod keeps its class for life.
  const handler = isNew ? await handlerOfPod(after, cluster) : undefined;
  return { change: { before, after, handler }, written: after.annotations };
}

/** The handler of the class that a pod names, undefined where it names none. @throws SchedgateError E_CLASS. */
export async function handlerOfPod(pod: Pod, cluster: ClusterView): Promise<string | undefined> {
  const name = pod.runtimeClassName;
  if (name === undefined) return undefined;
  const handler = await cluster.handlerOf(name);
  if (handler !== undefined) return handler;
  throw new SchedgateError(
    "E_CLASS",
    `RuntimeClass ${name} does not exist, so it is not known whether it is protected`,
  );
}
