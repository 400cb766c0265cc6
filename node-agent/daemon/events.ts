import { createHash } from "node:crypto";
import { microTime } from "../../common/api/time.ts";
import type { Clock } from "../../common/clock.ts";
import { pathOf, resources } from "../../common/kube/paths.ts";
import { type KubeApi, hasStatus } from "../../common/kube/port.ts";
import type { PodName } from "./own-pods.ts";

/** What an event says of a pod's container. */
export interface Told {
  /** The node that tells it. */
  nodeName: string;
  reason: "Isolated" | "IsolationFailed" | "IsolationRefused";
  container: string;
  note: string;
}

/** The API server's bound is 1024 bytes. */
const NOTE_MAX = 1000;

/**
 * Writes an event about a pod, unless it is there: its name follows from pod, container and reason, so that of these
 * there is one as long as the API server keeps events (an hour), whoever restarts. @throws KubeApiError
 */
export async function writeEvent(
  api: KubeApi,
  clock: Clock,
  { namespace, pod, podUID }: PodName,
  { reason, container, note, nodeName }: Told,
): Promise<void> {
  const hash = createHash("sha256").update([podUID, container, reason].join("\n")).digest("hex");
  const body = {
    metadata: { name: `schedgate-${hash.slice(0, 32)}`, namespace },
    eventTime: microTime(clock.now()),
    type: reason === "Isolated" ? "Normal" : "Warning",
    reportingController: "schedgate.dev/node-agent",
    reportingInstance: nodeName.slice(0, 128),
    regarding: { apiVersion: "v1", kind: "Pod", namespace, name: pod, uid: podUID },
    action: "Isolate",
    reason,
    note: Buffer.from(note).subarray(0, NOTE_MAX).toString("utf8"),
  };
  try {
    await api.request({ method: "POST", path: pathOf(resources.events, { namespace }), body });
  } catch (error) {
    if (!hasStatus(error, 409) && !hasStatus(error, 404)) throw error; // it is there; its namespace is gone
  }
}
