import type { Holder, HookGrant } from "../../common/api/hookgrant.ts";
import type { HookProfile } from "../../common/api/hookprofile.ts";
import type { Container, Pod } from "../../common/api/pod.ts";
import { BUILT_IN } from "./builtin.ts";
import type { Rules } from "./decide.ts";
import { readProfile } from "./profile.ts";

/** Objects for the tests of this folder and of those that use it. */

/** The profile of the project's manifests. */
export const cpuIsolation: HookProfile = BUILT_IN.profile;

/** A profile that protects what `spec` says. */
export function profileOf(name: string, spec: Partial<HookProfile["spec"]>): HookProfile {
  return { metadata: { name }, spec: { protects: {}, enforcement: "Enforce", ...spec } };
}

/** A grant of a profile for a namespace. */
export function grantOf(name: string, spec: Partial<HookGrant["spec"]> = {}): HookGrant {
  return {
    metadata: { name },
    spec: { profileName: "cpu-isolation", subjects: [{ namespace: "trading" }], ...spec },
  };
}

/** A pod that holds room of a grant, by its uid. */
export function holderOf(uid: string, isolatedCPUs: number, since: Date = now): Holder {
  return { uid, namespace: "trading", name: `pod-${uid}`, isolatedCPUs, since: since.toISOString() };
}

/** The moment at which the tests judge. */
export const now = new Date("2026-06-01T00:00:00Z");

/** Rules of these profiles and grants. */
export function rulesOf(profiles: readonly HookProfile[], grants: readonly HookGrant[] = []): Rules {
  return { profiles: profiles.map(readProfile), grants, now };
}

/** A container with these CPUs and memory as request and limit. */
export function container(name: string, cpu = "2", memory = "1Gi"): Container {
  return {
    name,
    init: false,
    sidecar: false,
    allocatedCpu: undefined,
    requests: {},
    limits: { cpu, memory },
  };
}

/** A Guaranteed pod with whole CPUs. */
export function podOf(changes: Partial<Pod> = {}): Pod {
  return {
    uid: "pod-1",
    namespace: "trading",
    name: "engine-0",
    serviceAccount: "engine",
    annotations: {},
    runtimeClassName: undefined,
    nodeName: undefined,
    containers: [container("main")],
    resources: undefined,
    qosClass: undefined,
    ...changes,
  };
}
