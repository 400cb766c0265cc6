import type { HookProfile } from "../../common/api/hookprofile.ts";
import { containerFormPrefix, GRANT_ANNOTATION } from "../../common/api/names.ts";
import { matchGlob, parseGlob } from "../../common/glob.ts";
import type { Glob } from "../../common/glob.ts";

/** A HookProfile, made ready to judge many pods. */
export interface Profile {
  name: string;
  enforcement: "Enforce" | "Warn" | "Audit";
  handlers: ReadonlySet<string>;
  globs: readonly Glob[];
  request: Request | undefined;
  requires: { guaranteed: boolean; exclusiveCpus: boolean };
}

/** How pods ask: `annotation` for the pod, `prefix` and a container's name for one container. */
interface Request {
  annotation: string;
  prefix: string;
  runtimeClassName: string | undefined;
}

/** @throws SchedgateError E_GLOB for a glob that the CRD would not have accepted. */
export function readProfile({ metadata, spec }: HookProfile): Profile {
  const { request, requires } = spec;
  return {
    name: metadata.name,
    enforcement: spec.enforcement,
    handlers: new Set(spec.protects.runtimeHandlers ?? []),
    globs: (spec.protects.annotations ?? []).map(parseGlob),
    request: request && {
      annotation: request.annotation,
      prefix: containerFormPrefix(request.annotation),
      runtimeClassName: request.runtimeClassName,
    },
    requires: {
      guaranteed: requires?.qosClass === "Guaranteed",
      exclusiveCpus: requires?.exclusiveCPUs === true,
    },
  };
}

/** Orders HookProfiles by age, then by name: the older of two with the same request annotation has it. */
export function byAge(a: HookProfile, b: HookProfile): number {
  return ageKey(a) < ageKey(b) ? -1 : 1;
}

function ageKey({ metadata }: HookProfile): string {
  return `${metadata.creationTimestamp ?? ""} ${metadata.name}`;
}

/** Whether this key is the profile's request, for the pod or for one container. */
export function isRequestKey(profile: Profile, key: string): boolean {
  const { request } = profile;
  return request !== undefined && (key === request.annotation || key.startsWith(request.prefix));
}

/** Whether a profile protects this annotation key. The grant annotation has rules of its own. */
export function protectsKey(profile: Profile, key: string): boolean {
  if (key === GRANT_ANNOTATION) return false;
  return isRequestKey(profile, key) || profile.globs.some((glob) => matchGlob(glob, key));
}
