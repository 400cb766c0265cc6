import { type CpuSet, formatCpuSet } from "../../common/cpuset.ts";
import { SchedgateError, messageOf } from "../../common/errors.ts";
import { leafOf } from "../isolation/cgroup.ts";
import { notExclusive } from "../isolation/exclusive.ts";
import { bootIdOf, statOf } from "../isolation/liveness.ts";
import type { Owner } from "../isolation/owner.ts";
import { type Isolation, reconcile, settle } from "../isolation/reconcile.ts";
import { identify } from "./bundle.ts";
import type { Created } from "./created.ts";

export type OnFailure = "deny" | "allow";

/** How an asking container may start: with these CPUs isolated, or without, for the reason given. */
export type Verdict = { cpus: CpuSet; reason?: undefined } | { cpus?: undefined; reason: string };

const START_ATTEMPTS = 30;
const UNDO_ATTEMPTS = 5;

/**
 * Gives the container its isolated CPUs, proven, or says why it has none. Idempotent: launcher and hook both call it.
 * @throws SchedgateError where isolation was due and failed; the ledger then holds the container only if `allow`.
 */
export async function isolate(
  isolation: Isolation,
  created: Created,
  onFailure: OnFailure,
): Promise<Verdict> {
  const { backend, ledger } = isolation;
  const { owner, cpus } = ownerOf(isolation, created);
  const { cgroupsPath, shares } = created.bundle;
  const { podUID, container } = owner;
  if (owner.refusal !== undefined) {
    ledger.put({ ...owner, cpus: "" });
    return { reason: owner.refusal };
  }
  let reason: string | undefined;
  try {
    reason = notExclusive({ podUID, container, cgroupsPath, shares, cpus }, created.kubeletState);
  } catch (error) {
    if (onFailure === "allow") ledger.put({ ...owner, cpus: "", failure: messageOf(error) });
    throw error;
  }
  if (reason !== undefined) {
    ledger.put({ ...owner, cpus: "", reason });
    return { reason };
  }
  try {
    await isolation.lock(async () => {
      ledger.put(owner);
      const { claimed, proof, problems } = await settle(isolation, START_ATTEMPTS, "claimants");
      // The proof is of the claims alone: it says nothing of an owner that claims nothing.
      const flaw = claimed.includes(owner.id)
        ? proof.missing.find(({ id }) => id === owner.id)?.why
        : "its CPUs are a newer container's";
      if (flaw === undefined) return;
      throw new SchedgateError("E_ISOLATE", [`${backend.name}: ${flaw}`, ...problems].join("; "));
    });
    return { cpus };
  } catch (error) {
    if (onFailure === "allow") ledger.put({ ...owner, failure: messageOf(error) });
    else await undo(isolation, owner.id);
    const message = `CPUs ${owner.cpus} of container ${owner.container} (${owner.namespace}/${owner.pod}) could not be isolated: ${messageOf(error)}`;
    throw new SchedgateError("E_ISOLATE", message, { cause: error });
  }
}

function ownerOf(
  isolation: Isolation,
  { id, pid, cgroups, bundle, right, refusal }: Created,
): { owner: Owner; cpus: CpuSet } {
  const stat = statOf(isolation.hostFs, pid);
  if (stat === undefined) throw new SchedgateError("E_PID", `process ${pid} of container ${id} is gone`);
  const found = isolation.ledger.find(id);
  const known = found?.pid === pid && found.pidStartTime === stat.startTime ? found : undefined;
  const { cgroup, cpus } = leafOf(isolation.hostFs, isolation.backend, pid, cgroups);
  const { namespace, pod, podUID, container } = identify(bundle);
  const owner: Owner = {
    version: 1,
    id,
    namespace,
    pod,
    podUID,
    container,
    cpus: formatCpuSet(cpus),
    cgroup,
    pid,
    pidStartTime: stat.startTime,
    bootId: bootIdOf(isolation.hostFs),
    since: known?.since ?? isolation.clock.now().toISOString(),
    ...verdictOn({ right, refusal }, known),
  };
  return { owner, cpus };
}

// What was found out about this very process stays: the daemon asks the API only once.
function verdictOn(
  now: { right: string | undefined; refusal: string | undefined },
  known: Owner | undefined,
): Pick<Owner, "right" | "refusal"> {
  const refusal = now.refusal ?? known?.refusal;
  if (refusal !== undefined) return { refusal };
  const right = now.right ?? known?.right;
  return right === undefined ? {} : { right };
}

// The first error is the one to tell; what the undoing meets, the daemon's next reconcile meets too and reports.
async function undo(isolation: Isolation, id: string): Promise<void> {
  isolation.ledger.remove(id);
  await reconcile(isolation, UNDO_ATTEMPTS).catch(() => undefined);
}
