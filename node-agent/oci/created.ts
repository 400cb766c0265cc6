import { SchedgateError } from "../../common/errors.ts";
import { type HostFs, readIfThere } from "../host/host-fs.ts";
import { type AskProcess, readAsk } from "./asks.ts";
import { type Bundle, asksForIsolation, parseBundle, readBundle } from "./bundle.ts";
import type { CompanionConfig } from "./config.ts";
import { type HookState, parseHookState } from "./hook-state.ts";
import { pidOf } from "./pid.ts";
import { type Right, rightAtStart } from "./right.ts";

/** A created container that asks, before its user code runs: all that isolating it needs to know, and its right to. */
export type Created = { id: string; bundle: Bundle } & AskProcess & Right;

/**
 * A container whose create launcher or hook noted; undefined where it does not ask.
 * @throws SchedgateError E_ASK, E_BUNDLE, E_PID or E_STATIC_PODS where something cannot be known.
 */
export function createdById(hostFs: HostFs, config: CompanionConfig, id: string): Created | undefined {
  const ask = readAsk(hostFs, config.runDir, id);
  if (!config.byNotes)
    return created(config, id, readBundle(hostFs, ask.bundle), () =>
      onHost(hostFs, config, pidOf(hostFs, id, ask, config.runc)),
    );
  if (ask.state !== undefined)
    expectNoted(ask.state, { id, pid: noted(ask.process, id).pid, bundle: ask.bundle });
  return created(config, id, parseBundle(noted(ask.config, id)), () => noted(ask.process, id));
}

// A shell may have taken a word of a pod's own for one of the runtime's.
function expectNoted(state: string, found: HookState): void {
  const { id, pid, bundle } = parseHookState(state);
  if (id === found.id && pid === found.pid && bundle === found.bundle) return;
  throw new SchedgateError("E_ASK", `the hook of container ${found.id} did not note what its state says`);
}

/** The same by the state that a runtime gives to a hook. @throws SchedgateError E_HOOK, E_BUNDLE or E_STATIC_PODS */
export function createdByState(hostFs: HostFs, config: CompanionConfig, text: string): Created | undefined {
  const { id, pid, bundle } = parseHookState(text);
  return created(config, id, readBundle(hostFs, bundle), () => onHost(hostFs, config, pid));
}

/** What the host says about a process, to one that sees it. */
export function onHost(
  hostFs: HostFs,
  files: Pick<CompanionConfig, "kubeletState" | "staticPods">,
  pid: number,
): AskProcess {
  return {
    pid,
    cgroups: readIfThere(hostFs, `/proc/${pid}/cgroup`) ?? "",
    kubeletState: readIfThere(hostFs, files.kubeletState),
    staticPods: readIfThere(hostFs, files.staticPods),
  };
}

function created(
  { staticPods }: CompanionConfig,
  id: string,
  bundle: Bundle,
  process: () => AskProcess,
): Created | undefined {
  if (!asksForIsolation(bundle)) return undefined;
  const known = process();
  return { ...known, id, bundle, ...rightAtStart(bundle, known.staticPods, staticPods) };
}

function noted<T>(value: T | undefined, id: string): T {
  if (value !== undefined) return value;
  throw new SchedgateError("E_ASK", `launcher or hook did not note enough of container ${id}`);
}
