import { isDeepStrictEqual } from "node:util";
import type { Condition, ObjectMeta } from "../../common/api/meta.ts";
import { metaTime } from "../../common/api/time.ts";
import type { Clock } from "../../common/clock.ts";
import { pathOf, resources } from "../../common/kube/paths.ts";
import type { ResourceName } from "../../common/kube/paths.ts";
import { messageOf } from "../../common/errors.ts";
import { hasStatus } from "../../common/kube/port.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import type { Logger } from "../../common/log.ts";
import type { Inventory } from "../inventory/inventory.ts";
import { API_VERSION } from "../../common/api/names.ts";
import type { Audit } from "./audit.ts";
import type { Events } from "./events.ts";
import { judgeGrant, judgeProfile, protectedClasses } from "./conditions.ts";
import type { Judgement } from "./conditions.ts";
import { inTurns } from "./turns.ts";

/** A kind with conditions in its status. */
interface Reported {
  metadata: ObjectMeta;
  status?: { conditions?: Condition[] | undefined; observedGeneration?: number | undefined } | undefined;
}

const KINDS = { HookProfile: resources.hookProfiles, HookGrant: resources.hookGrants };
type Kind = keyof typeof KINDS;

export interface StatusOptions {
  api: KubeApi;
  clock: Clock;
  log: Logger;
  inventory: Pick<Inventory, "profiles" | "grants" | "classes">;
  /** What the last audit found; undefined before the first. */
  audit: Audit | undefined;
  events: Pick<Events, "record">;
}

/**
 * Brings the status of every profile and grant up to what is known now, until the signal aborts. One that cannot be
 * written is logged, keeps no other from its status, and is tried again at the next look.
 */
export async function reportStatuses(options: StatusOptions, now: Date, signal: AbortSignal): Promise<void> {
  const { api, log, inventory, audit } = options;
  const [profiles, classes] = [inventory.profiles(), inventory.classes()];
  const send: KubeApi["request"] = (call) => api.request({ ...call, signal });
  const write = async (
    kind: Kind,
    object: Reported,
    status: NonNullable<Reported["status"]>,
  ): Promise<void> => {
    if (signal.aborted) return;
    const resource = KINDS[kind];
    const written = report(send, resource, object, status).then((wrote) => {
      if (wrote) tell(options.events, kind, object, status);
    });
    await written.catch((error: unknown) => {
      if (signal.aborted) return;
      log.error(
        { resource: resource.resource, name: object.metadata.name, error: messageOf(error) },
        "could not write a status",
      );
    });
  };
  for (const profile of profiles) {
    const judged = judgeProfile(profile, profiles, classes);
    const more = {
      runtimeClasses: protectedClasses(profile, classes),
      ...(audit && { unauthorized: audit.profiles.get(profile.metadata.name) ?? { count: 0, pods: [] } }),
    };
    await write("HookProfile", profile, { ...statusOf(profile, judged, now), ...more });
  }
  const pause = (): Promise<void> => options.clock.sleep(0, signal);
  for await (const grant of inTurns(inventory.grants(), pause)) {
    await write("HookGrant", grant, statusOf(grant, judgeGrant(grant, profiles, now), now));
  }
}

/** An event where something became not ready, or not ready for another reason. */
function tell(
  events: Pick<Events, "record">,
  kind: Kind,
  { metadata, status: before }: Reported,
  { conditions }: NonNullable<Reported["status"]>,
): void {
  const [was, is] = [before?.conditions, conditions].map((list) =>
    list?.find(({ type }) => type === "Ready"),
  );
  if (is?.status !== "False" || was?.reason === is.reason) return;
  const { name, uid } = metadata;
  const regarding = { apiVersion: API_VERSION, kind, namespace: undefined, name, uid };
  events.record({ regarding, reason: is.reason, action: "Judge", note: `${kind} ${name}: ${is.message}` });
}

/** The part of a status that says what was judged. A condition keeps its time while its status stays. */
function statusOf(
  object: Reported,
  judged: readonly Judgement[],
  now: Date,
): NonNullable<Reported["status"]> {
  const { generation } = object.metadata;
  const time = metaTime(now);
  const conditions = judged.map((each) => {
    const old = object.status?.conditions?.find(({ type }) => type === each.type);
    const lastTransitionTime = old?.status === each.status ? old.lastTransitionTime : time;
    return {
      ...each,
      lastTransitionTime,
      ...(generation !== undefined && { observedGeneration: generation }),
    };
  });
  return { conditions, ...(generation !== undefined && { observedGeneration: generation }) };
}

/** Writes only what changed, on the version it was judged by: a newer one brings us back here by itself. Whether it wrote. */
async function report(
  send: KubeApi["request"],
  resource: ResourceName,
  object: Reported,
  status: object,
): Promise<boolean> {
  const { name, resourceVersion } = object.metadata;
  if (isDeepStrictEqual({ ...object.status, ...status }, object.status)) return false;
  const path = pathOf(resource, { name, subresource: "status" });
  try {
    await send({ method: "PATCH", path, body: { metadata: { resourceVersion }, status } });
    return true;
  } catch (error) {
    if (!hasStatus(error, 409) && !hasStatus(error, 404)) throw error;
    return false;
  }
}
