import type { ObservedHook } from "../hooks/observe.ts";
import type { Installed } from "../host/installed.ts";
import { LAUNCHER } from "../install/names.ts";

/** What a node's set-up shows of itself. */
export interface SetUp {
  /** Why no back-end works here; undefined where one does. */
  backendError: string | undefined;
  /** What the installer left; undefined where it has not finished. */
  installed: Installed | undefined;
  /** Text of the file that registers the handler, undefined where it is gone. */
  runtimeConfig: string | undefined;
  /** Text of the kubelet's cpu_manager_state, undefined where there is none. */
  kubeletState: string | undefined;
  kubeletStatePath: string;
  /** What is wrong with the list of static pods; undefined where it is usable, or not there. */
  staticPodsFlaw: string | undefined;
  /** Whether flock(1) can be run. */
  hasFlock: boolean;
  isRoot: boolean;
  onFailure: "deny" | "allow";
  /** Hook files that pods may trigger if no HookProfile protects them. */
  hooks: readonly ObservedHook[];
  /** What the companion last failed at, with its time. */
  lastFailure: string | undefined;
}

/** What is wrong with this node's set-up, each with what to do; empty where containers can be isolated. */
export function findings(setUp: SetUp): string[] {
  return [
    setUp.isRoot ? undefined : "this is not root: what is found below may only be what it cannot see",
    setUp.backendError,
    setUp.hasFlock ? undefined : "flock (util-linux) is not on the PATH: nothing can be isolated without it",
    handlerFlaw(setUp),
    kubeletFlaw(setUp),
    setUp.staticPodsFlaw,
  ].filter((finding) => finding !== undefined);
}

/** What is worth knowing and may be as it should be. */
export function remarks({ onFailure, hooks, lastFailure }: SetUp): string[] {
  return [
    onFailure === "allow"
      ? "containers whose isolation fails start all the same (ON_FAILURE is allow)"
      : undefined,
    ...hooks.map(
      ({ file, reason }) => `hook ${file}: whether a HookProfile protects it is not known here (${reason})`,
    ),
    lastFailure === undefined ? undefined : `the last failure was ${lastFailure}`,
  ].filter((remark) => remark !== undefined);
}

function handlerFlaw({ installed, runtimeConfig }: SetUp): string | undefined {
  if (installed === undefined)
    return "the runtime handler is not registered: the node agent's installer has not finished, see its log";
  const { config, runtime, handler } = installed;
  if (runtimeConfig === undefined)
    return `${config}, which registers handler "${handler}" with ${runtime}, is gone: restart the node agent's pod`;
  if (!runtimeConfig.includes(LAUNCHER))
    return `${config} no longer names the launcher for handler "${handler}": restart the node agent's pod`;
  return undefined;
}

function kubeletFlaw({ kubeletState, kubeletStatePath }: SetUp): string | undefined {
  if (kubeletState === undefined)
    return `${kubeletStatePath} is not there: SCHEDGATE_KUBELET_STATE must be the kubelet's cpu_manager_state`;
  try {
    const { policyName } = JSON.parse(kubeletState) as { policyName?: unknown };
    if (policyName === "static") return undefined;
    return `the kubelet's CPU manager policy is "${String(policyName)}": no container has CPUs of its own before it is "static"`;
  } catch {
    return `${kubeletStatePath} is not JSON: the kubelet writes it anew when it is removed and the kubelet restarted`;
  }
}
