import type { Lab } from "../../lab/lab.ts";
import { apply, kubectl, refusal, running } from "../cluster.ts";
import { aliasClass, deployment, namespace, ordinaryPod, pinnedPodSpec, pod } from "../objects.ts";
import type { Report } from "../report.ts";
import { until } from "../wait.ts";
import { createUnseen } from "./ordinary.ts";

/** Without a grant no way leads to the handler: not by asking, by hand, by an alias, or later. */
export async function refused(lab: Lab, cpus: number, report: Report): Promise<void> {
  await kubectl(lab, ["create", "namespace", namespace]);
  await kubectl(lab, ["-n", namespace, "create", "serviceaccount", "engine"]);
  await createUnseen(lab, report);
  await apply(lab, deployment(cpus));
  const line = await until("the Deployment's pods refused", 30, async () => {
    const args = ["-n", namespace, "describe", "replicaset", "-l", "app=engine"];
    const found = /Error creating: (.*)$/m.exec(await kubectl(lab, args))?.[1];
    return found === undefined ? { not: "no event" } : { value: found };
  });
  report.command(`kubectl -n ${namespace} describe replicaset -l app=engine`);
  report.quote(line);
  if (!line.includes("cpu-isolation")) throw new Error("the refusal does not name the profile");
  report.holds("a Deployment that asks by annotation in an ungranted namespace gets no pod");

  const byHand = pod("by-hand", pinnedPodSpec(cpus, { runtimeClassName: "wrapper" }));
  report.quote(await refusal(lab, ["create", "-f", "-"], byHand));
  report.holds("runtimeClassName: wrapper by hand is refused");

  await apply(lab, aliasClass);
  await refusal(
    lab,
    ["create", "-f", "-"],
    pod("alias", pinnedPodSpec(cpus, { runtimeClassName: "harmless" })),
  );
  await kubectl(lab, ["delete", "runtimeclass", "harmless"]);
  report.holds("an alias RuntimeClass with the same handler, made a moment before, is refused");

  await running(lab, namespace, ordinaryPod);
  const args = ["-n", namespace, "annotate", "pod", ordinaryPod, "schedgate.dev/cpu-isolation=enabled"];
  await refusal(lab, args);
  report.holds("the annotation on a pod that already runs is refused");
}
