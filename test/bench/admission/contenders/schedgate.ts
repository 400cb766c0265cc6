import { join } from "node:path";
import { pathOf, resources } from "../../../../common/kube/paths.ts";
import { create } from "../../../apiserver/cluster.ts";
import type { Cluster } from "../../../apiserver/cluster.ts";
import { grant } from "../../../apiserver/objects.ts";
import { startWebhook } from "../../../apiserver/webhook.ts";
import type { Webhook } from "../../../apiserver/webhook.ts";
import { must } from "../../../lab/exec.ts";
import type { Bench, Contender } from "./contender.ts";
import { awaitGuard } from "./probe.ts";

const root = join(import.meta.dirname, "../../../..");
const bundle = join(root, "dist/webhook.mjs");

/** As the Deployment in the manifests starts it. */
const HEAP = ["--max-semi-space-size=2", "--initial-old-space-size=24", "--heap-growing-percent=25"];
const ENV = { MALLOC_ARENA_MAX: "2" };

/** Makes the program as it is in the image. */
export async function buildWebhook(): Promise<void> {
  await must(process.execPath, [join(root, "tools/build.ts")]);
}

/** The webhook as in the image, with the rights of its ServiceAccount. `flags` are node's. */
export function startBundle(cluster: Cluster, flags: readonly string[] = []): Promise<Webhook> {
  return startWebhook(cluster, { program: [...HEAP, ...flags, bundle], env: ENV });
}

/**
 * The webhook. It keeps its configurations right by itself, whoever removes them: so it is halted while it is not its
 * turn, and goes on, warm as a long-lived process is, when its turn comes.
 */
export async function schedgate(
  { cluster, namespaces }: Bench,
  flags: readonly string[],
): Promise<Contender> {
  for (const each of namespaces) await create(cluster.api, resources.hookGrants, grant(each, each));
  const webhook = await startBundle(cluster, flags);
  await webhook.ready();
  await halt(cluster, webhook);
  return {
    name: "schedgate",
    pid: () => webhook.pid,
    install: async () => {
      process.kill(webhook.pid, "SIGCONT");
      await awaitGuard(cluster, true);
    },
    remove: () => halt(cluster, webhook),
    stop: async () => {
      process.kill(webhook.pid, "SIGCONT");
      // Killed, it could not write the profile of its CPU.
      await webhook.stop(flags.length > 0 ? "SIGTERM" : "SIGKILL");
      await emptyConfigurations(cluster);
    },
  };
}

async function halt(cluster: Cluster, webhook: Webhook): Promise<void> {
  process.kill(webhook.pid, "SIGSTOP");
  await emptyConfigurations(cluster);
  await awaitGuard(cluster, false);
}

/** Also what a halted or killed webhook leaves. */
export async function emptyConfigurations(cluster: Cluster): Promise<void> {
  for (const kind of [resources.mutatingWebhooks, resources.validatingWebhooks]) {
    const path = pathOf(kind, { name: "schedgate" });
    await cluster.api.request({ method: "PATCH", path, body: { webhooks: null } });
  }
}
