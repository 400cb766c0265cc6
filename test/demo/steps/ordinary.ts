import type { Lab } from "../../lab/lab.ts";
import { apply, kubectl, reviews, running } from "../cluster.ts";
import { namespace, ordinaryPodSpec, pod } from "../objects.ts";
import type { Report } from "../report.ts";

/** A pod that asks for nothing runs beside the isolated one, and the webhook has never heard of it. */
export async function ordinary(lab: Lab, report: Report): Promise<void> {
  const before = await reviews(lab);
  await apply(lab, pod("web", ordinaryPodSpec));
  await running(lab, namespace, "web");
  await kubectl(lab, ["-n", namespace, "label", "pod", "web", "tier=front"]);
  await kubectl(lab, ["-n", namespace, "delete", "pod", "web", "--now", "--wait=false"]);
  const after = await reviews(lab);
  if (after !== before) throw new Error(`the webhook answered ${after - before} reviews for an ordinary pod`);
  report.holds(
    `pod web was created, labelled, run and deleted; the webhook's request counter stayed at ${after}`,
  );
}
