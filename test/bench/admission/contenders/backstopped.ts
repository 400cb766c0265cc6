import { join } from "node:path";
import { KubeApiError } from "../../../../common/kube/port.ts";
import { must } from "../../../apiserver/cluster.ts";
import type { Cluster } from "../../../apiserver/cluster.ts";
import { UNGRANTED } from "../workloads.ts";
import type { Bench, Contender } from "./contender.ts";
import { steadily, tryPod } from "./probe.ts";

const backstop = join(import.meta.dirname, "../../../../manifests/optional/backstop");

/** The webhook with the backstop of the manifests beside it: what being judged twice costs. */
export function backstopped({ cluster }: Bench, webhook: Contender): Contender {
  return {
    name: "schedgate+backstop",
    pid: () => webhook.pid(),
    install: async () => {
      await webhook.install();
      await must(cluster.lab, ["apply", "-k", backstop]);
      await steadily("backstop at work", () => isRefusedByPolicy(cluster));
    },
    remove: async () => {
      await must(cluster.lab, ["delete", "-f", join(backstop, "binding.yaml")]);
      await webhook.remove();
    },
    stop: async () => {
      await must(cluster.lab, ["delete", "-k", backstop, "--ignore-not-found"]);
    },
  };
}

/** The API server asks policies before it asks webhooks. */
async function isRefusedByPolicy(cluster: Cluster): Promise<boolean> {
  try {
    await tryPod(cluster, UNGRANTED, "protected");
    return false;
  } catch (error) {
    if (error instanceof KubeApiError) return error.message.includes("ValidatingAdmissionPolicy");
    throw error;
  }
}
