import { create, get, must, remove } from "../../../apiserver/cluster.ts";
import type { Cluster, Json } from "../../../apiserver/cluster.ts";
import type { ResourceName } from "../../../../common/kube/paths.ts";
import { hasStatus } from "../../../../common/kube/port.ts";
import { cacheRoot, openCache } from "../../../lab/cache.ts";
import { freePorts } from "../../../lab/ports.ts";
import { openProcesses } from "../../../lab/processes.ts";
import { kindsServed } from "../../../lab/product/kinds.ts";
import { buildKyverno } from "../kyverno/build.ts";
import { celPolicies, classicPolicies } from "../kyverno/policies.ts";
import type { Policy } from "../kyverno/policies.ts";
import type { Bench, Contender } from "./contender.ts";
import { awaitGuard, steadily } from "./probe.ts";

const NAMESPACE = "kyverno";
const WEBHOOKS: ResourceName = {
  group: "admissionregistration.k8s.io",
  version: "v1",
  resource: "validatingwebhookconfigurations",
};

/** Kyverno's admission controller, as a process, with its policies of one of the two kinds. */
export async function kyverno(bench: Bench): Promise<Contender[]> {
  const { cluster, namespaces, log } = bench;
  const { program, crds } = await buildKyverno(openCache(cacheRoot(process.env), log), log);
  await must(cluster.lab, ["create", "-R", "-f", crds]);
  await kindsServed(cluster.lab);
  await must(cluster.lab, ["create", "namespace", NAMESPACE]);
  for (const name of ["kyverno", "kyverno-metrics"])
    await must(cluster.lab, ["-n", NAMESPACE, "create", "configmap", name]);
  const pid = await start(cluster, program);
  const stop = async (): Promise<void> => {
    await openProcesses(cluster.lab.stateDir).end("kyverno");
  };
  const accounts = namespaces.map((each) => `${each}/default`);
  return [
    contender(cluster, pid, { name: "kyverno-cel", policies: celPolicies(accounts) }, stop),
    contender(cluster, pid, { name: "kyverno-policies", policies: classicPolicies(accounts) }, stop),
  ];
}

function contender(
  cluster: Cluster,
  pid: number,
  { name, policies }: { name: string; policies: Policy[] },
  stop: () => Promise<void>,
): Contender {
  return {
    name,
    pid: () => pid,
    stop,
    install: async () => {
      for (const { kind, body } of policies) await create(cluster.api, kind, body);
      await awaitGuard(cluster, true);
    },
    remove: async () => {
      for (const { kind, body } of policies)
        await remove(cluster.api, kind, body["metadata"] as { name: string });
      await awaitGuard(cluster, false);
      await steadily("pods no longer sent to Kyverno", async () => !(await seesPods(cluster)));
    },
  };
}

/** As its Helm chart starts it, but outside the cluster, and with an EC key as the other contenders have. */
async function start(cluster: Cluster, program: string): Promise<number> {
  const [port = 0] = await freePorts(1);
  const names = { KYVERNO_DEPLOYMENT: "kyverno", KYVERNO_POD_NAME: "kyverno", KYVERNO_SVC: "kyverno-svc" };
  const { pid } = await openProcesses(cluster.lab.stateDir).start({
    name: "kyverno",
    command: program,
    args: [
      ...[`--kubeconfig=${cluster.lab.kubeconfig}`, `--serverIP=127.0.0.1:${port}`],
      ...["--webhookServerHost=127.0.0.1", `--webhookServerPort=${port}`, "--tlsKeyAlgorithm=ECDSA"],
      ...["--caSecretName=kyverno-ca", "--tlsSecretName=kyverno-tls"],
      ...[
        "--disableMetrics=true",
        "--controllerRuntimeMetricsAddress=0",
        "--omitEvents=PolicyApplied,PolicySkipped",
      ],
      "--backgroundServiceAccountName=system:serviceaccount:kyverno:background",
      "--reportsServiceAccountName=system:serviceaccount:kyverno:reports",
    ],
    env: {
      ...names,
      KYVERNO_NAMESPACE: NAMESPACE,
      KYVERNO_SERVICEACCOUNT_NAME: "kyverno",
      INIT_CONFIG: "kyverno",
      METRICS_CONFIG: "kyverno-metrics",
    },
  });
  await steadily("configurations of Kyverno", () => isThere(cluster));
  return pid;
}

async function isThere(cluster: Cluster): Promise<boolean> {
  return (await webhooksOf(cluster)) !== undefined;
}

async function seesPods(cluster: Cluster): Promise<boolean> {
  return ((await webhooksOf(cluster)) ?? []).length > 0;
}

async function webhooksOf(cluster: Cluster): Promise<Json[] | undefined> {
  try {
    const name = "kyverno-resource-validating-webhook-cfg";
    return ((await get(cluster.api, WEBHOOKS, { name }))["webhooks"] as Json[] | undefined) ?? [];
  } catch (error) {
    if (hasStatus(error, 404)) return undefined;
    throw error;
  }
}
