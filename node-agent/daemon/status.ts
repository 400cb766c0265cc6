import { formatCpuSet } from "../../common/cpuset.ts";
import type { Condition } from "../../common/api/meta.ts";
import type { NodeIsolationStatus } from "../../common/api/nodeisolation.ts";
import type { Owner } from "../isolation/owner.ts";
import { type Snapshot, isolatedCpus, provenOwners } from "./snapshot.ts";

const MESSAGE_MAX = 4096;
const OWNERS_MAX = 1024;

type Judgement = Pick<Condition, "type" | "status" | "reason" | "message">;

/** What is known of the node beside the kernel's state. */
interface NodeFacts {
  /** Whether the runtime handler is registered on this node. */
  installed: boolean;
  /** The kubelet's word for the container runtime, such as `containerd://1.7.24`. */
  runtime: string;
  /** Hook files that no HookProfile protects; undefined: not known, and what was written stays. */
  observedHooks?: NodeIsolationStatus["observedHooks"] | undefined;
}

/**
 * The status of a NodeIsolation.
 * @param previous conditions as last written: a condition that did not turn keeps its transition time.
 */
export function statusOf(
  snapshot: Snapshot,
  { installed, runtime, observedHooks }: NodeFacts,
  previous: readonly Condition[],
): NodeIsolationStatus {
  const at = snapshot.at.toISOString();
  const { source } = snapshot.proof;
  return {
    backend: snapshot.backend,
    kernelVersion: snapshot.kernelVersion.slice(0, 128),
    runtime: runtime.slice(0, 128),
    onlineCPUs: snapshot.onlineCPUs,
    isolatedCPUs: formatCpuSet(isolatedCpus(snapshot)),
    owners: provenOwners(snapshot).slice(0, OWNERS_MAX).map(ownerOf),
    ...(observedHooks === undefined ? {} : { observedHooks }),
    ...(source === "" ? {} : { proof: { source, verifiedAt: at } }),
    conditions: [ready(snapshot, installed), isolated(snapshot), degraded(snapshot)].map((judged) => {
      const before = previous.find(({ type }) => type === judged.type);
      const lastTransitionTime = before?.status === judged.status ? before.lastTransitionTime : at;
      return { ...judged, message: judged.message.slice(0, MESSAGE_MAX), lastTransitionTime };
    }),
  };
}

function ownerOf({
  cpus,
  id,
  namespace,
  pod,
  container,
  since,
}: Owner): NonNullable<NodeIsolationStatus["owners"]>[number] {
  const named = Object.entries({ namespace, pod, container }).filter(([, value]) => value !== "");
  return { cpus, containerID: id, ...Object.fromEntries(named), since };
}

function ready({ backend, problems }: Snapshot, installed: boolean): Judgement {
  if (backend === "None") return judge("Ready", false, "NoBackend", problems.join("; "));
  if (!installed)
    return judge("Ready", false, "NotInstalled", "the runtime handler is not registered on this node yet");
  return judge("Ready", true, "Serving", `CPUs are isolated by ${backend}`);
}

function isolated({ owners, claimed, proof }: Snapshot): Judgement {
  const named = new Map(
    owners.map((owner) => [owner.id, `${owner.namespace}/${owner.pod}/${owner.container}`]),
  );
  const shared = owners
    .filter(({ reason }) => reason !== undefined)
    .map((owner) => `${named.get(owner.id) ?? ""}: ${owner.reason ?? ""}`);
  const without = shared.length === 0 ? "" : `; without CPUs of their own: ${shared.join("; ")}`;
  if (proof.source === "" && owners.length > 0)
    return judge("Isolated", false, "Unknown", "the kernel's state could not be read");
  if (proof.missing.length > 0) {
    const missing = proof.missing.map(({ id, why }) => `${named.get(id) ?? id}: ${why}`);
    return judge("Isolated", false, "NotProven", `${missing.join("; ")}${without}`);
  }
  const held = claimed.length;
  return judge(
    "Isolated",
    true,
    held === 0 ? "NoneHeld" : "Proven",
    `${held} containers hold isolated CPUs${without}`,
  );
}

function degraded({ problems, owners }: Snapshot): Judgement {
  const failures = owners.flatMap(({ namespace, pod, container, failure }) =>
    failure === undefined
      ? []
      : [`${namespace}/${pod}/${container} was started without isolation: ${failure}`],
  );
  const refusals = owners.flatMap(({ namespace, pod, container, refusal }) =>
    refusal === undefined
      ? []
      : [`${namespace}/${pod}/${container} asks for isolation and runs without it: ${refusal}`],
  );
  const all = [...problems, ...failures, ...refusals];
  return all.length === 0
    ? judge("Degraded", false, "AsExpected", "nothing needs a person")
    : judge("Degraded", true, "NeedsAttention", all.join("; "));
}

function judge(type: string, holds: boolean, reason: string, message: string): Judgement {
  return { type, status: holds ? "True" : "False", reason, message };
}

/** Whether two statuses say the same apart from when the kernel was read. */
export function sameStatus(a: NodeIsolationStatus | undefined, b: NodeIsolationStatus): boolean {
  const timeless = (status: NodeIsolationStatus): string =>
    JSON.stringify({ ...status, proof: status.proof?.source });
  return a !== undefined && timeless(a) === timeless(b);
}
