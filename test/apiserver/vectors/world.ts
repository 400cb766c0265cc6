import { resources } from "../../../common/kube/paths.ts";
import { KubeApiError } from "../../../common/kube/port.ts";
import type { KubeApi } from "../../../common/kube/port.ts";
import type { Output } from "../../lab/exec.ts";
import { create, eventually, namespace, refusalOf, remove, startCluster, tryPod } from "../cluster.ts";
import type { Cluster, Json } from "../cluster.ts";
import { ASK, grant, pod } from "../objects.ts";
import type { PodOptions } from "../objects.ts";
import { startWebhook } from "../webhook.ts";
import type { Webhook } from "../webhook.ts";

const { pods, hookGrants } = resources;

/** A cluster with a webhook, a namespace `trading` without right and one `granted` with it. */
export interface World {
  cluster: Cluster;
  api: KubeApi;
  webhook: Webhook;
  /** Makes a pod, and deletes one of that name before. */
  createPod(where: string, options?: PodOptions): Promise<Json>;
  /** The line of a 403 of ours. */
  refused(call: Promise<unknown>): Promise<string>;
  /** Waits until a pod that asks is admitted there. */
  inForce(where: string): Promise<void>;
  /** Sends an object to a path as kubectl does; what it prints. */
  raw(verb: "create" | "replace", path: string, body: Json, ...as: string[]): Promise<Output>;
  stop(): Promise<void>;
}

/** Brings the world of one test file up; where that fails, nothing of it stays. */
export async function openWorld(name: string): Promise<World> {
  const cluster = await startCluster(name);
  const webhook = await startWebhook(cluster);
  const world = worldOf(cluster, webhook);
  try {
    await webhook.ready();
    await namespace(cluster.api, "trading", "engine");
    await namespace(cluster.api, "granted");
    await create(cluster.api, hookGrants, grant("granted", "granted"));
    await world.inForce("granted");
  } catch (error) {
    await world.stop();
    throw error;
  }
  return world;
}

function worldOf(cluster: Cluster, webhook: Webhook): World {
  const { api } = cluster;
  return {
    cluster,
    api,
    webhook,
    createPod: async (where, options = {}) => {
      await remove(api, pods, { namespace: where, name: options.name ?? "engine-0" });
      return create(api, pods, pod(options), { namespace: where });
    },
    refused,
    inForce: (where) => inForce(api, where),
    raw: (verb, path, body, ...as) =>
      cluster.lab.kubectl([verb, "--raw", path, "-f", "-", ...as], JSON.stringify(body)),
    stop: async () => {
      await webhook.stop();
      await cluster.stop();
    },
  };
}

async function refused(call: Promise<unknown>): Promise<string> {
  const { status, reason, message } = await refusalOf(call);
  if (status !== 403 || reason !== "Forbidden" || !message.includes("schedgate.dev")) {
    throw new Error(`not a refusal of ours: ${status} ${reason}: ${message}`);
  }
  return message.replace(/^.*denied the request: /, "");
}

async function inForce(api: KubeApi, where: string): Promise<void> {
  const body = pod({ annotations: { [ASK]: "enabled" } });
  await eventually(
    `a pod to be admitted in ${where}`,
    async () => {
      try {
        return await tryPod(api, where, body);
      } catch (error) {
        if (error instanceof KubeApiError && error.status === 403) return undefined;
        throw error;
      }
    },
    5_000,
  );
}
