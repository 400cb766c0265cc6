import type { HookProfile } from "../../common/api/hookprofile.ts";
import { readProtection } from "../../common/api/protection.ts";
import type { Protection, RequestKeys } from "../../common/api/protection.ts";

/** A HookProfile, made ready to judge many pods. */
export interface Profile extends Protection {
  name: string;
  enforcement: "Enforce" | "Warn" | "Audit";
  handlers: ReadonlySet<string>;
  request: Request | undefined;
  requires: { guaranteed: boolean; exclusiveCpus: boolean };
}

/** How pods ask, and the class that is set on one that does. */
interface Request extends RequestKeys {
  runtimeClassName: string | undefined;
}

/** @throws SchedgateError E_GLOB for a glob that the CRD would not have accepted. */
export function readProfile({ metadata, spec }: HookProfile): Profile {
  const { requires } = spec;
  const { globs, request } = readProtection(spec);
  return {
    name: metadata.name,
    enforcement: spec.enforcement,
    handlers: new Set(spec.protects.runtimeHandlers ?? []),
    globs,
    request: request && { ...request, runtimeClassName: spec.request?.runtimeClassName },
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
