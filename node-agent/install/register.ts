import { SchedgateError, messageOf } from "../../common/errors.ts";
import { readIfThere } from "../host/host-fs.ts";
import type { WantedFile } from "./containerd-plan.ts";
import { type Host, poll } from "./host.ts";
import { HANDLER } from "./names.ts";
import { type Pending, pendingPath, readPending, runtimeProcess, writePending } from "./pending.ts";
import { put } from "./put.ts";
import { RESTART_MS } from "./restart.ts";
import type { ContainerRuntime } from "./runtime.ts";
import type { TomlTable } from "./toml.ts";

/**
 * The runtime's own view of its configuration. Where it has none because of a change of ours that was killed half-way,
 * that change is taken back first. @throws SchedgateError E_RUNTIME
 */
export async function currentDump(host: Host, runtime: ContainerRuntime): Promise<TomlTable> {
  const pending = readPending(host.files, host.config.runDir);
  if (pending === undefined) return runtime.dump();
  let flaw: unknown;
  // It may be in the middle of the restart that was asked for.
  const dump = await poll(host, pending.asked === undefined ? 0 : RESTART_MS, async () => {
    try {
      return await runtime.dump();
    } catch (error) {
      flaw = error;
      return undefined;
    }
  });
  if (dump !== undefined) return dump;
  await takeBack(host, runtime, pending);
  throw flaw;
}

/** Brings the handler's file to its content and the runtime to read it; restarts it only if it has not. @throws SchedgateError */
export async function register(host: Host, runtime: ContainerRuntime, wanted: WantedFile): Promise<void> {
  const { files, config } = host;
  const after = wanted.text ?? "";
  const known = readPending(files, config.runDir);
  if (readIfThere(files, refusedPath(host)) === after) await refuse(host, runtime, wanted, known);
  const now = readIfThere(files, wanted.path);
  if (now === after && known === undefined) return;
  const pending: Pending = now === after && known !== undefined ? known : change(host, wanted, now);
  if (pending.asked === undefined) {
    await verify(host, runtime, pending);
    pending.asked = runtimeProcess(host);
    writePending(host, pending);
    await apply(host, runtime, pending);
  } else if (runtimeProcess(host) === pending.asked) await apply(host, runtime, pending);
  if (config.restart === "none") stillTheSame(host, pending);
  await see(() => runtime.dump(), runtime, wanted.path);
  files.remove(pendingPath(config.runDir));
}

function stillTheSame(host: Host, { asked }: Pending): void {
  if (runtimeProcess(host) !== asked) return;
  throw new SchedgateError(
    "E_RESTART",
    `SCHEDGATE_RUNTIME_RESTART is none: restart ${host.config.runtime} by hand, it reads its handlers at its start only`,
  );
}

async function refuse(
  host: Host,
  runtime: ContainerRuntime,
  { path, text }: WantedFile,
  pending: Pending | undefined,
): Promise<never> {
  if (pending !== undefined && pending.after === text) await takeBack(host, runtime, pending);
  throw new SchedgateError(
    "E_RUNTIME",
    `the runtime did not start with schedgate's handler in ${path}: see its log, then remove ${refusedPath(host)} to try again`,
  );
}

/** A text with which the runtime did not come back; it is not tried again. */
function refusedPath({ config }: Host): string {
  return `${config.runDir}/refused`;
}

function change(host: Host, wanted: WantedFile, now: string | undefined): Pending {
  const pending = { path: wanted.path, before: now ?? null, after: wanted.text ?? "" };
  writePending(host, pending);
  put(host, wanted);
  return pending;
}

// A configuration that the runtime itself cannot read must never meet a restart.
async function verify(host: Host, runtime: ContainerRuntime, pending: Pending): Promise<void> {
  try {
    await see(() => runtime.onDisk(), runtime, pending.path);
  } catch (error) {
    restore(host, pending);
    throw error;
  }
}

async function see(look: () => Promise<TomlTable>, runtime: ContainerRuntime, path: string): Promise<void> {
  if (runtime.registered(await look())) return;
  throw new SchedgateError("E_RUNTIME", `the runtime does not see its handler "${HANDLER}" in ${path}`);
}

async function apply(host: Host, runtime: ContainerRuntime, pending: Pending): Promise<void> {
  try {
    await runtime.apply();
  } catch (error) {
    host.files.replace(refusedPath(host), pending.after);
    await takeBack(host, runtime, pending);
    throw error;
  }
}

// Only what is ours is replaced: whatever somebody wrote there meanwhile stays.
function restore(host: Host, { path, before, after }: Pending): void {
  if (path !== "" && readIfThere(host.files, path) === after) put(host, { path, text: before ?? undefined });
  host.files.remove(pendingPath(host.config.runDir));
}

async function takeBack(host: Host, runtime: ContainerRuntime, pending: Pending): Promise<void> {
  restore(host, pending);
  host.log.error({ config: pending.path }, "the runtime's configuration is as it was before; restarting it");
  await runtime.applyLater().catch((error: unknown) => {
    host.log.error({ error: messageOf(error) }, "the runtime could not be restarted");
  });
}
