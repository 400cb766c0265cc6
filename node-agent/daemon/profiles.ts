import { hookProfileSchema } from "../../common/api/hookprofile.ts";
import { type Protection, readProtection } from "../../common/api/protection.ts";
import type { Clock } from "../../common/clock.ts";
import { pathOf, resources } from "../../common/kube/paths.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import { type Reflector, reflector } from "../../common/kube/reflector.ts";
import type { Logger } from "../../common/log.ts";

/** What the agent reads of a HookProfile. */
export interface Profile extends Protection {
  name: string;
  /** Whether it refuses, and does not only warn or note. */
  enforced: boolean;
}

/** The live HookProfiles. One that cannot be read protects nothing here. */
export function profileReflector(
  api: KubeApi,
  clock: Clock,
  log: Logger,
  onChange: () => void,
): Reflector<Profile> {
  const path = pathOf(resources.hookProfiles);
  return reflector({ api, clock, log, path, parse: readProfile, onChange });
}

function readProfile(object: unknown): Profile {
  const { metadata, spec } = hookProfileSchema.parse(object);
  return { name: metadata.name, enforced: spec.enforcement === "Enforce", ...readProtection(spec) };
}
