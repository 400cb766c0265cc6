import type { HookGrant } from "../../common/api/hookgrant.ts";
import { containerFormPrefix, GRANT_ANNOTATION } from "../../common/api/names.ts";
import { protectsKey } from "../../common/api/protection.ts";
import { isSubject, namesIn } from "../../common/api/subject.ts";
import type { Verdict } from "../isolation/judge.ts";
import type { PodFacts } from "./own-pods.ts";
import type { Profile } from "./profiles.ts";

const ASK = "schedgate.dev/cpu-isolation";

/** The grants that a pod says it was admitted by. */
export function namedGrants({ annotations }: PodFacts): string[] {
  return namesIn(annotations[GRANT_ANNOTATION]);
}

/**
 * Whether a container that asks was admitted, as far as the API shows: its pod names a grant that is there, covers its
 * service account, and is for a profile that protects the ask. That the grant has expired or is full does not matter:
 * this is about how the pod came in, not about who may come in now.
 * @param grants those of the named grants that are there.
 */
export function entitlement(
  pod: PodFacts,
  container: string,
  profiles: readonly Profile[],
  grants: readonly HookGrant[],
): Verdict {
  if (pod.isMirror) {
    const why = "its runtime handler does not tell the node so: restart the node agent's pod there";
    return { refusal: `it is a static pod, and ${why}` };
  }
  const named = namedGrants(pod);
  if (named.length === 0)
    return {
      refusal: `its pod has no annotation ${GRANT_ANNOTATION}: it did not pass schedgate's admission`,
    };
  const keys = [ASK, `${containerFormPrefix(ASK)}${container}`];
  const asked = profiles.filter((profile) => keys.some((key) => protectsKey(profile, key)));
  const covering = grants.filter(
    (grant) => isSubject(grant, pod) && asked.some(({ name }) => name === grant.spec.profileName),
  );
  if (covering.length > 0)
    return { right: `HookGrant ${covering.map(({ metadata }) => metadata.name).join(", ")}` };
  const who = `service account ${pod.namespace}/${pod.serviceAccount}`;
  return {
    refusal: `its pod names HookGrant ${named.join(", ")}, and none that is there covers ${who} for a profile that protects ${ASK}`,
  };
}
