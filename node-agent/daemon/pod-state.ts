import type { Owner } from "../isolation/owner.ts";
import type { Snapshot } from "./snapshot.ts";

/** How isolation stands for one container that asked. */
export interface ContainerState {
  owner: Owner;
  /** `Shared`: it has no CPUs of its own; `Pending`: isolated, and its right is not known yet. */
  state: "Isolated" | "IsolationFailed" | "IsolationRefused" | "Shared" | "Pending";
  message: string;
}

const MESSAGE_MAX = 1000;

/** How each live container that asked stands, by the uid of its pod. */
export function podStates(snapshot: Snapshot): Map<string, ContainerState[]> {
  const pods = new Map<string, ContainerState[]>();
  for (const owner of snapshot.owners) {
    if (owner.namespace === "" || owner.pod === "" || owner.podUID === "") continue; // no pod of Kubernetes
    pods.set(owner.podUID, [...(pods.get(owner.podUID) ?? []), stateOf(owner, snapshot)]);
  }
  return pods;
}

function stateOf(owner: Owner, { claimed, proof, backend }: Snapshot): ContainerState {
  const { container, cpus, refusal, failure, reason, right } = owner;
  const failed = (why: string): ContainerState => ({
    owner,
    state: "IsolationFailed",
    message: `container ${container}: CPUs ${cpus || "(unknown)"} are not isolated: ${why}`,
  });
  if (refusal !== undefined) {
    const message = `container ${container} runs without isolation: ${refusal}`;
    return { owner, state: "IsolationRefused", message };
  }
  if (reason !== undefined)
    return { owner, state: "Shared", message: `container ${container}: nothing to isolate: ${reason}` };
  if (failure !== undefined) return failed(failure);
  if (!claimed.includes(owner.id)) return failed("they are a newer container's");
  const missing = proof.missing.find(({ id }) => id === owner.id);
  if (missing !== undefined) return failed(missing.why);
  if (proof.source === "") return failed("the kernel's state could not be read");
  const message = `container ${container}: CPUs ${cpus} are isolated (${backend}, shown by ${proof.source})`;
  return { owner, state: right === undefined ? "Pending" : "Isolated", message };
}

/** The pod's condition: true once every container that asks and has CPUs of its own is proven isolated, by right. */
export function isolatedCondition(states: readonly ContainerState[]): {
  status: "True" | "False";
  reason: string;
  message: string;
} {
  const worst = (["IsolationRefused", "IsolationFailed", "Pending"] as const)
    .map((state) => states.find((each) => each.state === state))
    .find((each) => each !== undefined);
  if (worst !== undefined)
    return { status: "False", reason: worst.state, message: worst.message.slice(0, MESSAGE_MAX) };
  const isolated = states.filter(({ state }) => state === "Isolated");
  const message = (isolated.length > 0 ? isolated : states)
    .map((each) => each.message)
    .join("; ")
    .slice(0, MESSAGE_MAX);
  return isolated.length > 0
    ? { status: "True", reason: "Isolated", message }
    : { status: "False", reason: "NothingToIsolate", message };
}
