import type { Clock } from "../../common/clock.ts";
import { messageOf } from "../../common/errors.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import type { Logger } from "../../common/log.ts";
import { waker } from "../../common/waker.ts";
import type { NodeIsolationStatus } from "../../common/api/nodeisolation.ts";
import { getConditions, getNode, labelNode, putStatus, removeStatus } from "./cluster.ts";
import type { Snapshot } from "./snapshot.ts";
import { sameStatus, statusOf } from "./status.ts";

/** Tells the cluster what the node does; isolation never waits for it. */
export interface Publisher {
  /** Takes the newest state; what was not written yet is overtaken. */
  offer: (snapshot: Snapshot) => void;
  /** Writes until the signal aborts; never throws. */
  run(signal: AbortSignal): Promise<void>;
  /** Takes label and NodeIsolation away. @throws KubeApiError */
  withdraw(): Promise<void>;
}

/** What the publisher stands on. */
export interface PublisherOptions {
  api: KubeApi;
  clock: Clock;
  log: Logger;
  nodeName: string;
  /** Whether the runtime handler is registered here now. */
  installed: () => boolean;
  /** Hook files that no HookProfile protects, undefined where that is not known. */
  observedHooks: () => NodeIsolationStatus["observedHooks"];
}

/** Without a change the status is written this often, so that `proof.verifiedAt` shows that somebody still looks. */
const HEARTBEAT_MS = 60_000;
const FIRST_BACKOFF_MS = 500;
const LAST_BACKOFF_MS = 15_000;

/** A publisher; nothing happens until `run`. */
export function publisher(options: PublisherOptions): Publisher {
  const { api, clock, log, nodeName, installed, observedHooks } = options;
  const { poke, rest } = waker(clock);
  let offered: Snapshot | undefined;
  let written: NodeIsolationStatus | undefined;
  let writtenAt = 0;
  let labelled: boolean | undefined;
  let node: { uid: string; runtime: string } | undefined;

  const turn = async (snapshot: Snapshot): Promise<void> => {
    const due = clock.now().getTime() - writtenAt >= HEARTBEAT_MS;
    if (node === undefined || due) {
      const { label, ...facts } = await getNode(api, nodeName);
      node = facts;
      labelled = label === "ready";
    }
    const conditions = written?.conditions ?? (await getConditions(api, nodeName));
    const isInstalled = installed();
    const facts = { installed: isInstalled, runtime: node.runtime, observedHooks: observedHooks() };
    const status = statusOf(snapshot, facts, conditions);
    if (due || !sameStatus(written, status)) {
      await putStatus(api, nodeName, node.uid, status);
      written = status;
      writtenAt = clock.now().getTime();
    }
    const ready = isInstalled && snapshot.backend !== "None";
    if (ready !== labelled) {
      await labelNode(api, nodeName, ready);
      labelled = ready;
      log.info({ node: nodeName, ready }, "node label written");
    }
  };

  return {
    offer: (snapshot) => {
      offered = snapshot;
      poke();
    },
    run: async (signal) => {
      for (let backoff = FIRST_BACKOFF_MS; !signal.aborted;) {
        try {
          if (offered !== undefined) await turn(offered);
          backoff = FIRST_BACKOFF_MS;
          await rest(signal);
        } catch (error) {
          log.warn(
            { error: messageOf(error) },
            "the API server did not take the node's state; isolation goes on",
          );
          await clock.sleep(backoff, signal);
          backoff = Math.min(backoff * 2, LAST_BACKOFF_MS);
        }
      }
    },
    withdraw: async () => {
      await labelNode(api, nodeName, false);
      await removeStatus(api, nodeName);
    },
  };
}
