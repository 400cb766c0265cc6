import { formatCpuSet } from "../../common/cpuset.ts";
import { SchedgateError, messageOf } from "../../common/errors.ts";
import type { HostFs } from "../host/host-fs.ts";
import { forgetFailure, noteFailure } from "../isolation/failures.ts";
import { ledgerIn } from "../isolation/ledger.ts";
import { isContainerId } from "../isolation/owner.ts";
import { type Isolation, reconcile } from "../isolation/reconcile.ts";
import type { CompanionConfig } from "./config.ts";
import { type Created, createdById, createdByState } from "./created.ts";
import { parseHookState } from "./hook-state.ts";
import { isolate } from "./isolate.ts";
import { rebuild } from "./rebuild.ts";
import { release } from "./release.ts";

/** What a command needs; the companion and the daemon run the same ones. */
export interface Companion {
  hostFs: HostFs;
  config: CompanionConfig;
  /** Isolation on this machine. @throws SchedgateError E_BACKEND */
  open: () => Isolation;
  /** One line to the companion's log. */
  note: (level: "info" | "error", message: string) => void;
}

/** `start ID`: before the runtime's start. Returns the refusal where the container may not start. */
export async function start(companion: Companion, id: string): Promise<string | undefined> {
  return guard(
    companion,
    () => id,
    () => admit(companion, createdById(companion.hostFs, companion.config, containerId(id))),
  );
}

/**
 * `update ID`: after the runtime's update, which may have changed the container's CPUs. The isolation of a container in
 * the ledger follows them; it runs on whatever comes of that, and the ledger says what was wrong.
 */
export async function update(companion: Companion, id: string): Promise<void> {
  const { hostFs, config, open, note } = companion;
  const isolation = open();
  if (isolation.ledger.find(containerId(id)) === undefined) return;
  const lenient: Companion = { ...companion, config: { ...config, onFailure: "allow" } };
  await guard(
    lenient,
    () => id,
    () => admit(lenient, createdById(hostFs, config, id)),
  );
  // It may own nothing any more.
  const { problems } = await reconcile(isolation, 10);
  if (problems.length > 0) note("error", `${id}: after its update: ${problems.join("; ")}`);
}

/** `createRuntime`: as a hook, the state on stdin. Returns the refusal where the create must fail. */
export async function createRuntime(companion: Companion, stateText: string): Promise<string | undefined> {
  return guard(
    companion,
    () => parseHookState(stateText).id,
    () => admit(companion, createdByState(companion.hostFs, companion.config, stateText)),
  );
}

/** `delete ID`: beside the runtime's delete, which kills what is left of the container. */
export async function remove({ hostFs, config, open, note }: Companion, id: string): Promise<void> {
  forgetFailure(hostFs, config.runDir, id);
  const isolation = open();
  const { problems } = await release(isolation, containerId(id));
  await rebuild(isolation, config, note);
  if (problems.length > 0) note("error", `${id}: giving back: ${problems.join("; ")}`);
}

/**
 * `poststop`: as a hook; the container's cgroup is gone already. Never fails, since runc's delete would fail with it
 * (runc#2905): what is left is the daemon's.
 */
export async function poststop(companion: Companion, stateText: string): Promise<void> {
  try {
    await remove(companion, parseHookState(stateText).id);
  } catch (error) {
    companion.note("error", `poststop: ${messageOf(error)}`);
  }
}

/** `status` (looks only) and `reconcile`: what the ledger and the kernel hold, as one JSON line. */
export async function report({ config, open, note }: Companion, mend: boolean): Promise<string> {
  const isolation = open();
  const { owners, problems: unread } = isolation.ledger.read();
  if (!mend) return JSON.stringify({ backend: isolation.backend.name, owners, problems: unread });
  await reconcile(isolation, 10);
  await rebuild(isolation, config, note);
  const { owners: live, proof, problems } = await reconcile(isolation, 10);
  return JSON.stringify({ backend: isolation.backend.name, owners: live, proof, problems });
}

// Undefined: it does not ask.
async function admit({ config, open, note }: Companion, created: Created | undefined): Promise<void> {
  if (created === undefined) return;
  const id = containerId(created.id);
  const isolation = open();
  const { cpus, reason } = await isolate(isolation, created, config.onFailure);
  await rebuild(isolation, config, note);
  note(
    "info",
    cpus === undefined ? `${id}: nothing isolated: ${reason}` : `${id}: CPUs ${formatCpuSet(cpus)} isolated`,
  );
}

// Whatever goes wrong before a container's start is a refusal, unless the admin chose to let it start anyway.
async function guard(
  { hostFs, config, note }: Companion,
  id: () => string,
  work: () => Promise<void>,
): Promise<string | undefined> {
  try {
    await work();
    forgetFailure(hostFs, config.runDir, id());
    return undefined;
  } catch (error) {
    note("error", messageOf(error));
    if (config.onFailure !== "allow") return messageOf(error);
    noteAllowed(hostFs, config.runDir, id, messageOf(error));
    return undefined;
  }
}

// The ledger names those that came so far. The container starts in any case, also where nothing can be written.
function noteAllowed(hostFs: HostFs, runDir: string, id: () => string, message: string): void {
  try {
    const known = ledgerIn(hostFs, `${runDir}/ledger`).find(id());
    if (known?.failure === undefined) noteFailure(hostFs, runDir, id(), message);
  } catch {
    return;
  }
}

function containerId(id: string): string {
  if (isContainerId(id)) return id;
  throw new SchedgateError("E_ID", `"${id.slice(0, 100)}" is not a container id`);
}
