import { formatCpuSet, union } from "../../common/cpuset.ts";
import type { Proof } from "../isolation/backend.ts";
import { isAlive } from "../isolation/liveness.ts";
import { type Owner, cpusOf } from "../isolation/owner.ts";
import { type Isolation, claimsOf } from "../isolation/reconcile.ts";

/** What ledger and kernel hold at one moment. */
export interface NodeState {
  backend: string;
  /** The living containers of the ledger. */
  owners: readonly Owner[];
  /** The ids of those whose CPUs are to be isolated. */
  claimed: readonly string[];
  proof: Proof;
  problems: readonly string[];
}

/** Looks, and changes nothing. */
export function lookAt(isolation: Isolation): NodeState {
  const { owners: all, problems } = isolation.ledger.read();
  const owners = all.filter((owner) => isAlive(isolation.hostFs, owner));
  const ended = all.filter((owner) => !owners.includes(owner));
  const { claims, superseded } = claimsOf(owners);
  const due = ended.map(({ id }) => `container ${id} has ended and its CPUs are not given back yet`);
  return {
    backend: isolation.backend.name,
    owners,
    claimed: claims.map(({ id }) => id),
    proof: isolation.backend.survey(claims, isolation.before.read() ?? new Map()).prove(),
    problems: [problems, superseded, due, isolation.before.problem() ?? []].flat(),
  };
}

/** The state in words, one line a container. */
export function statusLines({ backend, owners, claimed, proof, problems }: NodeState): string[] {
  const missing = new Map(proof.missing.map(({ id, why }) => [id, why]));
  const isolated = owners.filter(({ id }) => claimed.includes(id) && !missing.has(id));
  const cpus = formatCpuSet(union(...isolated.map(cpusOf)));
  const lineOf = (owner: Owner): string => {
    const who = `${owner.namespace}/${owner.pod}/${owner.container} (${owner.id.slice(0, 12)})`;
    if (owner.refusal !== undefined) return `${who}: not isolated: ${owner.refusal}`;
    if (owner.reason !== undefined) return `${who}: nothing isolated: ${owner.reason}`;
    if (owner.failure !== undefined) return `${who}: started without isolation: ${owner.failure}`;
    const why = missing.get(owner.id);
    if (why !== undefined) return `${who}: CPUs ${owner.cpus} are NOT isolated: ${why}`;
    if (!claimed.includes(owner.id)) return `${who}: its CPUs ${owner.cpus} are a newer container's`;
    return `${who}: CPUs ${owner.cpus} isolated since ${owner.since}`;
  };
  return [
    cpus === ""
      ? `no CPU is isolated (${backend})`
      : `CPUs ${cpus} are isolated (${backend}), shown by ${proof.source}`,
    ...owners.map(lineOf),
    ...problems.map((problem) => `problem: ${problem}`),
  ];
}
