import { formatCpuSet, type CpuSet } from "../../../common/cpuset.ts";
import type { Lab } from "../../lab/lab.ts";
import { agentStarts, apply, kubectl, podOf, running } from "../cluster.ts";
import { grant, namespace } from "../objects.ts";
import { pinned } from "../pinned.ts";
import type { Report } from "../report.ts";
import { expectIsolated } from "../signs.ts";

/** The admin grants; the waiting Deployment gets its pod, and the pod's CPUs leave the load balancing. Gives these CPUs. */
export async function granted(lab: Lab, pair: CpuSet, report: Report): Promise<CpuSet> {
  report.command("kubectl apply -f hookgrant.yaml");
  await apply(lab, grant);
  // The ReplicaSet controller waits longer after each refusal; a new revision makes it try at once.
  await kubectl(lab, ["-n", namespace, "rollout", "restart", "deployment", "engine"]);
  // The old one may have tried at that very moment too: its pod goes first.
  await kubectl(lab, ["-n", namespace, "rollout", "status", "deployment", "engine", "--timeout=120s"]);
  const name = await podOf(lab, namespace, "app=engine");
  await running(lab, namespace, name);
  const jsonpath = `jsonpath={.spec.runtimeClassName} {.metadata.annotations.schedgate\\.dev/grant}`;
  const seen = await kubectl(lab, ["-n", namespace, "get", "pod", name, "-o", jsonpath]);
  if (seen !== "wrapper trading") throw new Error(`runtimeClassName and grant of ${name}: "${seen}"`);
  report.holds(`pod ${name} is admitted by grant "trading", runtimeClassName: wrapper injected, and runs`);
  const { cpus } = await pinned(lab, namespace, name);
  report.holds(`the kubelet pinned it to CPUs ${formatCpuSet(cpus)}`);
  await expectIsolated(lab, cpus, pair, report);
  const { asked, done } = await agentStarts(lab);
  if (done === 0) throw new Error(`the node agent did none of ${asked} starts that launchers asked of it`);
  report.holds(
    `the node agent did ${done} of ${asked} starts for launchers, and no Node was started for them`,
  );
  return cpus;
}
