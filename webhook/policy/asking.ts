import type { Container, Pod } from "../../common/api/pod.ts";
import type { Profile } from "./profile.ts";

/** The two values of a request annotation. */
export const ENABLED = "enabled";
const DISABLED = "disabled";

/** The containers that ask by this profile's request: a container's own annotation wins over the pod's. */
export function askingContainers(profile: Profile, pod: Pod): Container[] {
  const { request } = profile;
  if (request === undefined) return [];
  const forAll = pod.annotations[request.annotation];
  return pod.containers.filter((each) => (pod.annotations[request.prefix + each.name] ?? forAll) === ENABLED);
}

/** Whether a container asks that did not before: by what was added, or because its own `disabled` was taken away. */
export function asksMore(profile: Profile, before: Pod, after: Pod): boolean {
  const asked = askingContainers(profile, before).map((each) => each.name);
  return askingContainers(profile, after).some((each) => !asked.includes(each.name));
}

/** What is wrong with a request annotation, or undefined. `key` is one of the profile's request keys. */
export function requestFault(profile: Profile, pod: Pod, key: string): string | undefined {
  const value = pod.annotations[key] ?? "";
  if (value !== ENABLED && value !== DISABLED) {
    return `annotation ${key} must be "${ENABLED}" or "${DISABLED}", not ${JSON.stringify(value.slice(0, 40))}`;
  }
  const { request } = profile;
  if (request === undefined || key === request.annotation) return undefined;
  const container = key.slice(request.prefix.length);
  if (pod.containers.some((each) => each.name === container)) return undefined;
  return `annotation ${key} names a container that the pod does not have`;
}

/** The pod asks as a whole, yet each of its containers says no: what it wants cannot be known. */
export function contradictionFault(profile: Profile, pod: Pod): string | undefined {
  const { request } = profile;
  if (request === undefined || pod.annotations[request.annotation] !== ENABLED) return undefined;
  if (askingContainers(profile, pod).length > 0) return undefined;
  return `annotation ${request.annotation} is "${ENABLED}", but every container is "${DISABLED}"`;
}
