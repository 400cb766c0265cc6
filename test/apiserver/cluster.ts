import { join } from "node:path";
import { connectKube } from "../../common/kube/client.ts";
import { pathOf, resources } from "../../common/kube/paths.ts";
import type { ObjectName, ResourceName } from "../../common/kube/paths.ts";
import { hasStatus, KubeApiError } from "../../common/kube/port.ts";
import type { KubeApi, PatchType } from "../../common/kube/port.ts";
import { down, up } from "../lab/lab.ts";
import type { Lab } from "../lab/lab.ts";
import { kindsServed } from "../lab/product/kinds.ts";
import { waitFor } from "../lab/wait.ts";

const manifests = join(import.meta.dirname, "../../manifests");

/** The objects of the base that the webhook needs; the workloads are not started here. */
const BASE = ["webhook-secret", "webhook-lease", "webhook-configurations", "hookprofile", "runtimeclass"];

/** A control plane alone, with the project's kinds, rights and base objects. */
export interface Cluster {
  lab: Lab;
  /** The API server, as the cluster's admin. */
  api: KubeApi;
  stop(): Promise<void>;
}

/** tools/test.ts runs some of these tests on other versions too. */
const KUBERNETES = process.env["SCHEDGATE_KUBERNETES"] ?? "v1.36.3";

/** Brings a cluster up for one test file. */
export async function startCluster(name: string): Promise<Cluster> {
  const labName = `apiserver-${name}`;
  const log = (line: string): void => {
    process.stderr.write(`[${labName}] ${line}\n`);
  };
  const lab = await up({ node: "none", runtime: "containerd", kubernetes: KUBERNETES, name: labName, log });
  try {
    await must(lab, ["apply", "-k", join(manifests, "prerequisites")]);
    await kindsServed(lab);
    const files = BASE.flatMap((each) => ["-f", join(manifests, "base", `${each}.yaml`)]);
    await must(lab, ["apply", "-n", "schedgate-system", ...files]);
  } catch (error) {
    await down(labName);
    throw error;
  }
  const stop = async (): Promise<void> => {
    await down(labName);
  };
  return { lab, api: await connectKube({ kubeconfig: lab.kubeconfig }), stop };
}

/** What kubectl printed. @throws with what it complained about. */
export async function must(lab: Lab, args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await lab.kubectl(args, input);
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** An object as JSON. */
export type Json = Record<string, unknown>;

export function create(api: KubeApi, resource: ResourceName, body: Json, at: ObjectName = {}): Promise<Json> {
  return api.request({ method: "POST", path: pathOf(resource, at), body }) as Promise<Json>;
}

/** A pod that is judged in full but not kept. */
export function tryPod(api: KubeApi, where: string, body: Json): Promise<Json> {
  const path = pathOf(resources.pods, { namespace: where });
  return api.request({ method: "POST", path, body, query: { dryRun: "All" } }) as Promise<Json>;
}

export function get(api: KubeApi, resource: ResourceName, at: ObjectName): Promise<Json> {
  return api.request({ method: "GET", path: pathOf(resource, at) }) as Promise<Json>;
}

export function patch(
  api: KubeApi,
  resource: ResourceName,
  at: ObjectName,
  change: { body: unknown; as?: PatchType },
): Promise<Json> {
  const { body, as = "merge" } = change;
  return api.request({ method: "PATCH", path: pathOf(resource, at), body, patch: as }) as Promise<Json>;
}

/** Deletes at once; an object that is not there is fine. */
export async function remove(api: KubeApi, resource: ResourceName, at: ObjectName): Promise<void> {
  try {
    await api.request({ method: "DELETE", path: pathOf(resource, at), query: { gracePeriodSeconds: 0 } });
  } catch (error) {
    if (!hasStatus(error, 404)) throw error;
  }
}

/** What the API server says to a call that it refuses; fails where it does not refuse. */
export async function refusalOf(call: Promise<unknown>): Promise<KubeApiError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof KubeApiError) return error;
    throw error;
  }
  throw new Error("the API server accepted what it should refuse");
}

/** Waits until the function gives something. */
export function eventually<T>(
  what: string,
  attempt: () => Promise<T | undefined>,
  timeoutMs = 15_000,
): Promise<T> {
  return waitFor({ what, timeoutMs, intervalMs: 50 }, attempt);
}

/** A namespace in which pods can be made: the controller manager has made its default service account. */
export async function namespace(api: KubeApi, name: string, ...serviceAccounts: string[]): Promise<void> {
  await create(api, kinds.namespaces, { metadata: { name } });
  for (const account of serviceAccounts) {
    await create(api, kinds.serviceAccounts, { metadata: { name: account } }, { namespace: name });
  }
  await eventually(`service account ${name}/default`, async () => {
    try {
      return await get(api, kinds.serviceAccounts, { namespace: name, name: "default" });
    } catch (error) {
      if (hasStatus(error, 404)) return undefined;
      throw error;
    }
  });
}

/** Resources that only the tests touch. */
export const kinds = {
  namespaces: { group: "", version: "v1", resource: "namespaces" },
  serviceAccounts: { group: "", version: "v1", resource: "serviceaccounts" },
  bindings: { group: "", version: "v1", resource: "bindings" },
  deployments: { group: "apps", version: "v1", resource: "deployments" },
  statefulSets: { group: "apps", version: "v1", resource: "statefulsets" },
  daemonSets: { group: "apps", version: "v1", resource: "daemonsets" },
  jobs: { group: "batch", version: "v1", resource: "jobs" },
  cronJobs: { group: "batch", version: "v1", resource: "cronjobs" },
  replicationControllers: { group: "", version: "v1", resource: "replicationcontrollers" },
  replicaSets: { group: "apps", version: "v1", resource: "replicasets" },
} as const satisfies Record<string, ResourceName>;
