import type { Pod } from "../../common/api/pod.ts";
import { askingContainers } from "./asking.ts";
import type { Profile } from "./profile.ts";
import { exclusiveCpus, isGuaranteed } from "./qos.ts";

/** Why asking could have no effect on this pod, or undefined where it can. Judged for pods that ask. */
export function requirementFault(profile: Profile, pod: Pod): string | undefined {
  if (profile.requires.guaranteed && !isGuaranteed(pod)) {
    return "its quality of service class must be Guaranteed: give every container CPU and memory requests equal to its limits";
  }
  if (!profile.requires.exclusiveCpus) return undefined;
  const cpusOf = exclusiveCpus(pod);
  if (askingContainers(profile, pod).some((each) => cpusOf(each) > 0)) return undefined;
  return "at least one container that asks must have whole CPUs of its own: a whole number as CPU request and limit, in a pod of class Guaranteed";
}
