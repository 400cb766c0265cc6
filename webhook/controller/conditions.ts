import type { HookGrant } from "../../common/api/hookgrant.ts";
import type { HookProfile } from "../../common/api/hookprofile.ts";
import type { Condition } from "../../common/api/meta.ts";
import type { RuntimeClass } from "../inventory/classes.ts";
import { isExpired } from "../policy/grants.ts";

/** A condition without what depends on the one before it. */
export type Judgement = Pick<Condition, "type" | "status" | "reason" | "message">;

/** At most so many classes are listed; the schema's bound. */
const MAX_CLASSES = 256;

/** The RuntimeClasses that resolve to a handler of this profile, by name. */
export function protectedClasses(profile: HookProfile, classes: ReadonlyMap<string, RuntimeClass>): string[] {
  const handlers = new Set(profile.spec.protects.runtimeHandlers ?? []);
  const names = [...classes.values()]
    .filter((each) => handlers.has(each.handler))
    .map((each) => each.metadata.name);
  return names.sort().slice(0, MAX_CLASSES);
}

/** Whether a profile works as written. `profiles` are all of them, oldest first. */
export function judgeProfile(
  profile: HookProfile,
  profiles: readonly HookProfile[],
  classes: ReadonlyMap<string, RuntimeClass>,
): Judgement[] {
  const { request } = profile.spec;
  const owner = profiles.find((each) => request && each.spec.request?.annotation === request.annotation);
  if (owner !== undefined && request !== undefined && owner.metadata.name !== profile.metadata.name) {
    const message = `the older HookProfile ${owner.metadata.name} has the request annotation ${request.annotation}`;
    return [{ type: "Ready", status: "False", reason: "RequestTaken", message }];
  }
  const wanted = request?.runtimeClassName;
  if (wanted !== undefined && !classes.has(wanted)) {
    const message = `RuntimeClass ${wanted} does not exist: pods that ask are refused until it does`;
    return [{ type: "Ready", status: "False", reason: "RuntimeClassMissing", message }];
  }
  return [{ type: "Ready", status: "True", reason: "Protecting", message: "protects what it names" }];
}

/** Whether a grant grants anything now. That it is full is no condition: it changes with each pod, and `used` says it. */
export function judgeGrant({ spec }: HookGrant, profiles: readonly HookProfile[], now: Date): Judgement[] {
  return [judgeReady(spec, profiles, now)];
}

function judgeReady(spec: HookGrant["spec"], profiles: readonly HookProfile[], now: Date): Judgement {
  if (!profiles.some((each) => each.metadata.name === spec.profileName)) {
    const message = `HookProfile ${spec.profileName} does not exist`;
    return { type: "Ready", status: "False", reason: "ProfileMissing", message };
  }
  if (isExpired(spec.notAfter, now)) {
    return {
      type: "Ready",
      status: "False",
      reason: "Expired",
      message: `expired at ${spec.notAfter ?? ""}`,
    };
  }
  const zero = Object.entries(spec.limits ?? {}).filter(([, limit]) => limit === 0);
  if (zero.length > 0) {
    const message = `limits.${zero[0]?.[0] ?? ""} is 0: grants nothing`;
    return { type: "Ready", status: "False", reason: "NoRoom", message };
  }
  return {
    type: "Ready",
    status: "True",
    reason: "Granting",
    message: `grants HookProfile ${spec.profileName}`,
  };
}
