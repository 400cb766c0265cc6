import { setTimeout as sleep } from "node:timers/promises";
import { connectKube } from "../../common/kube/client.ts";
import { pathOf, resources } from "../../common/kube/paths.ts";
import { KubeApiError } from "../../common/kube/port.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import { ASK, pod } from "../apiserver/objects.ts";
import type { PodOptions } from "../apiserver/objects.ts";
import { KINDS } from "./kinds.ts";

/** Every way of the default profile to what it protects. */
const WAYS: readonly PodOptions[] = [
  { annotations: { [ASK]: "enabled" } },
  { annotations: { "cpu-load-balancing.crio.io": "disable" } },
  { runtimeClassName: "wrapper" },
];

/** Between an answer and the next question of each way: the steady load needs the machine too. */
const PAUSE_MS = 20;

/** What became of creates that nobody may make. */
export interface Storm {
  /** Answered by the webhook's refusal. */
  refused: number;
  /** Not made for another reason: the webhook, or the API server, was not there. */
  failed: number;
  /** What was let through. */
  passed: PodOptions[];
}

/** Tries each way without right, in dry runs, many times a second until the work is done. */
export async function stormDuring(kubeconfig: string, work: () => Promise<unknown>): Promise<Storm> {
  const storm: Storm = { refused: 0, failed: 0, passed: [] };
  const ended = new AbortController();
  const tries = WAYS.map(async (way) => {
    const api = await connectKube({ kubeconfig });
    while (!ended.signal.aborted) {
      await attempt(api, way, storm);
      await sleep(PAUSE_MS);
    }
  });
  const all = Promise.all(tries);
  all.catch(() => undefined); // thrown below
  try {
    await work();
  } finally {
    ended.abort();
  }
  await all;
  return storm;
}

async function attempt(api: KubeApi, way: PodOptions, storm: Storm): Promise<void> {
  const path = pathOf(resources.pods, { namespace: KINDS.unentitled.namespace });
  try {
    await api.request({ method: "POST", path, body: pod(way), query: { dryRun: "All" } });
    storm.passed.push(way);
  } catch (error) {
    if (!(error instanceof KubeApiError)) throw error;
    if (error.message.includes("is protected by HookProfile")) storm.refused += 1;
    else storm.failed += 1;
  }
}
