import type { Pod } from "../../common/api/pod.ts";
import { askingContainers } from "./asking.ts";
import type { Profile } from "./profile.ts";

/**
 * The RuntimeClass that a pod gets that asks and names none itself: that of the oldest profile by which it asks and
 * that has one. Whether the pod may have it is for `findings` to say, about the pod as it would be with it.
 */
export function classToInject(profiles: readonly Profile[], pod: Pod): string | undefined {
  if (pod.runtimeClassName !== undefined) return undefined;
  const givers = profiles.filter((each) => each.request?.runtimeClassName !== undefined);
  return givers.find((each) => askingContainers(each, pod).length > 0)?.request?.runtimeClassName;
}

/**
 * A pod that asks, and may, but is about to be created without the class that would do what it asks for: it would run
 * as if it had never asked, and nobody would see it. The same where it names a class with none of the profile's handlers.
 */
export function missingClassFault(
  profile: Profile,
  pod: Pod,
  handler: string | undefined,
): string | undefined {
  const wanted = profile.request?.runtimeClassName;
  if (wanted === undefined) return undefined;
  if (pod.runtimeClassName !== undefined) {
    if (handler === undefined || profile.handlers.size === 0 || profile.handlers.has(handler))
      return undefined;
    return `the pod asks but names RuntimeClass ${pod.runtimeClassName} (handler ${handler}), which cannot do what it asks for: name ${wanted}, or none`;
  }
  return `the pod asks but has no RuntimeClass: ${wanted} does not exist, or the annotation was added after schedgate saw the pod`;
}
