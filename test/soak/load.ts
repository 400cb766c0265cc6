import { setTimeout as sleep } from "node:timers/promises";
import { connectKube } from "../../common/kube/client.ts";
import { pathOf, resources } from "../../common/kube/paths.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import { hasStatus } from "../../common/kube/port.ts";
import type { Json } from "../apiserver/cluster.ts";
import { KINDS } from "./kinds.ts";
import type { Kind } from "./kinds.ts";
import { note } from "./tally.ts";
import type { Tally } from "./tally.ts";
import { verdictOf } from "./verdict.ts";
import type { Verdict } from "./verdict.ts";

/** A create waits this long for the API server, whose own limit this is; a pod is tried for so long in all. */
const CALL_MS = 60_000;
const PATIENCE_MS = 120_000;

/** Where the API server does not answer: again after so long, doubled each time; where the webhook's side failed: */
const UNANSWERED_MS = 250;
const LAST_UNANSWERED_MS = 4_000;
const FAILED_MS = 1_000;

/** Pods of one kind under way: with more of them the load only waits, as it would measure itself. */
const MAX_UNDER_WAY = 100;

/** The steady load: pods of each kind are created at their rate, whatever became of those before, and deleted again. */
export interface Load {
  /** Ends it when the last pod is made or given up. */
  stop: () => Promise<void>;
}

/** Starts the load. Each kind has connections of its own: who waits keeps no other kind from being sent. */
export function startLoad(kubeconfig: string, tally: Tally): Load {
  const ended = new AbortController();
  const work = Object.keys(KINDS).map(async (kind) => {
    const api = await connectKube({ kubeconfig });
    return steadily(api, kind as Kind, tally, ended.signal);
  });
  const all = Promise.all(work);
  all.catch(() => undefined); // thrown by stop
  return {
    stop: async () => {
      ended.abort();
      await all;
    },
  };
}

async function steadily(api: KubeApi, kind: Kind, tally: Tally, signal: AbortSignal): Promise<void> {
  const underWay = new Set<Promise<void>>();
  const beganAt = Date.now();
  for (let i = 0; !signal.aborted; i += 1) {
    const due = beganAt + (i * 1000) / KINDS[kind].rate;
    await sleep(Math.max(0, due - Date.now()));
    if (underWay.size >= MAX_UNDER_WAY) await Promise.race(underWay);
    const one = make(api, kind, `${kind}-${i}`, tally).finally(() => underWay.delete(one));
    underWay.add(one);
  }
  await Promise.all(underWay);
}

/** One pod, until it is made, or refused where it must be. */
async function make(api: KubeApi, kind: Kind, name: string, tally: Tally): Promise<void> {
  const until = Date.now() + PATIENCE_MS;
  let last = "never answered";
  for (let pauseMs = UNANSWERED_MS; Date.now() < until;) {
    const verdict = await attempt(api, kind, name);
    const count = tally.current.kinds[kind];
    if (verdict.by === "exists" || (verdict.by === "refusal" && kind === "unentitled")) {
      count.done += 1;
      const wrong = "made" in verdict ? KINDS[kind].whyWrong(verdict.made) : undefined;
      if (wrong !== undefined) note(count.wrong, wrong);
      if (verdict.by === "exists") await remove(api, KINDS[kind].namespace, name);
      return;
    }
    if (verdict.by === "api server") count.unanswered += 1;
    else if (verdict.by === "again") count.again += 1;
    else note(count.failed, (last = "reason" in verdict ? verdict.reason : "refused"));
    await sleep(verdict.by === "api server" ? pauseMs : FAILED_MS);
    pauseMs = Math.min(pauseMs * 2, LAST_UNANSWERED_MS);
  }
  note(tally.current.kinds[kind].wrong, `not made within ${PATIENCE_MS / 1000} s: ${last}`);
}

/** One create. A pod that exists was made by the try before, whose answer did not come. */
async function attempt(api: KubeApi, kind: Kind, name: string): Promise<Verdict> {
  const body = KINDS[kind].body(name);
  const path = pathOf(resources.pods, { namespace: KINDS[kind].namespace });
  try {
    const made = (await api.request({ method: "POST", path, body, timeoutMs: CALL_MS })) as Json;
    return { by: "exists", made };
  } catch (error) {
    return verdictOf(error);
  }
}

async function remove(api: KubeApi, namespace: string, name: string): Promise<void> {
  const path = pathOf(resources.pods, { namespace, name });
  const until = Date.now() + PATIENCE_MS;
  for (let pauseMs = UNANSWERED_MS; Date.now() < until; pauseMs = Math.min(pauseMs * 2, LAST_UNANSWERED_MS)) {
    try {
      await api.request({ method: "DELETE", path, query: { gracePeriodSeconds: 0 } });
      return;
    } catch (error) {
      if (hasStatus(error, 404)) return;
    }
    await sleep(pauseMs);
  }
  throw new Error(`pod ${namespace}/${name} could not be deleted`);
}
