import { metaTime } from "../../common/api/time.ts";
import type { Clock } from "../../common/clock.ts";
import { messageOf } from "../../common/errors.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import type { Reflector } from "../../common/kube/reflector.ts";
import type { Logger } from "../../common/log.ts";
import { waker } from "../../common/waker.ts";
import { noteVerdict } from "../isolation/judge.ts";
import type { Isolation } from "../isolation/reconcile.ts";
import { entitlement, namedGrants } from "./entitlement.ts";
import { type Told, writeEvent } from "./events.ts";
import { ISOLATED, type PodFacts, readGrants, readPod, writeCondition } from "./own-pods.ts";
import { type ContainerState, isolatedCondition, podStates } from "./pod-state.ts";
import type { Profile } from "./profiles.ts";
import { remembered } from "./remembered.ts";
import type { Snapshot } from "./snapshot.ts";

/** Looks after the pods whose containers asked: asks the API for their right, and tells them how isolation stands. */
export interface PodKeeper {
  /** Takes the newest state. */
  offer: (snapshot: Snapshot) => void;
  /** Until the signal aborts; never throws. While the API is away what is known stays. */
  run(signal: AbortSignal): Promise<void>;
}

/** What it stands on. */
export interface PodKeeperOptions {
  api: KubeApi;
  clock: Clock;
  log: Logger;
  nodeName: string;
  profiles: Reflector<Profile>;
  /** An event was written. */
  count: (reason: Told["reason"]) => void;
  /** Opens isolation, where a verdict must be noted. */
  open: () => Isolation;
}

interface Known {
  facts: PodFacts | undefined;
  /** Not asked again before this, milliseconds. */
  askAt: number;
  /** The condition as written. */
  condition: string;
  events: Set<string>;
}

const RETRY_MS = 5000;
const NOTED_MS = 500;

/** A keeper; nothing happens until `run`. */
export function podKeeper({ api, clock, log, nodeName, profiles, count, open }: PodKeeperOptions): PodKeeper {
  const { poke, rest } = waker(clock);
  let offered: Snapshot | undefined;
  const pods = new Map<string, Known>();
  const rights = remembered<string>(1000);

  const judge = async (facts: PodFacts, { owner }: ContainerState): Promise<void> => {
    const before = rights.get(owner.podUID);
    if (before === undefined && !profiles.synced) return;
    const verdict =
      before !== undefined
        ? { right: before }
        : entitlement(
            facts,
            owner.container,
            [...profiles.items().values()],
            await readGrants(api, namedGrants(facts)),
          );
    await noteVerdict(open(), owner.id, verdict);
    log.info(
      { namespace: owner.namespace, pod: owner.pod, container: owner.container, ...verdict },
      "judged",
    );
  };

  const turn = async (known: Known, states: readonly ContainerState[]): Promise<void> => {
    const owner = states[0]?.owner;
    const now = clock.now().getTime();
    if (owner === undefined || now < known.askAt) return;
    known.askAt = now + RETRY_MS;
    const pending = states.filter(({ state }) => state === "Pending");
    // A later update may have asked, and brought a grant: what is judged is the pod as it is.
    if (pending.length > 0 || known.facts === undefined) known.facts = await readPod(api, owner);
    if (known.facts === undefined) return; // not there (any more): nobody to tell
    for (const each of pending) await judge(known.facts, each);
    for (const each of states) await tell(known, each);
    if (known.facts.isGated && !known.facts.isMirror) await gate(known, known.facts, states);
    // What was noted shows in the next snapshot.
    known.askAt = pending.length > 0 ? now + NOTED_MS : 0;
  };

  const tell = async (known: Known, { state, owner, message }: ContainerState): Promise<void> => {
    if (state === "Shared" || state === "Pending" || known.events.has(owner.id + state)) return;
    const told: Told = { nodeName, reason: state, container: owner.container, note: message };
    await writeEvent(api, clock, owner, told);
    count(state);
    known.events.add(owner.id + state);
  };

  const gate = async (known: Known, facts: PodFacts, states: readonly ContainerState[]): Promise<void> => {
    const judged = isolatedCondition(states);
    const condition = JSON.stringify(judged);
    const owner = states[0]?.owner;
    if (owner === undefined || condition === known.condition) return;
    const turned = facts.condition?.status === judged.status ? facts.condition.lastTransitionTime : undefined;
    const lastTransitionTime = turned ?? metaTime(clock.now());
    await writeCondition(api, owner, { type: ISOLATED, ...judged, lastTransitionTime });
    facts.condition = { status: judged.status, lastTransitionTime };
    known.condition = condition;
  };

  const round = async (snapshot: Snapshot): Promise<void> => {
    const states = podStates(snapshot);
    for (const uid of pods.keys()) if (!states.has(uid)) pods.delete(uid);
    for (const [uid, list] of states) {
      const known = pods.get(uid) ?? { facts: undefined, askAt: 0, condition: "", events: new Set() };
      pods.set(uid, known);
      for (const { owner } of list) if (owner.right !== undefined) rights.set(uid, owner.right);
      try {
        await turn(known, list);
      } catch (error) {
        const { namespace = "", pod = "" } = list[0]?.owner ?? {};
        log.warn({ namespace, pod, error: messageOf(error) }, "a pod could not be judged or told");
      }
    }
  };

  return {
    offer: (snapshot) => {
      offered = snapshot;
      poke();
    },
    run: async (signal) => {
      while (!signal.aborted) {
        if (offered !== undefined) await round(offered);
        await rest(signal);
      }
    },
  };
}
