import type { Lab } from "../../lab/lab.ts";
import { kubectl } from "../cluster.ts";
import { onNode } from "../kernel.ts";
import { namespace } from "../objects.ts";
import type { Report } from "../report.ts";
import { until } from "../wait.ts";

/** The developer leaves: no pod uses the handler any more, and the runtime has deleted the last container of it. */
export async function leave(lab: Lab, report: Report): Promise<void> {
  report.command(`kubectl delete namespace ${namespace}`);
  await Promise.all([
    kubectl(lab, ["delete", "namespace", namespace, "--wait=false"]),
    kubectl(lab, ["delete", "hookgrant", "--all"]),
  ]);
  const bundles = `for f in /run/schedgate/asks/*; do
    read -r bundle < "$f/ask" && [ -e "$bundle/config.json" ] && echo "$bundle"
  done 2>/dev/null; true`;
  // CRI-O calls the launcher when the kubelet removes the sandboxes of ended pods: once a minute. An admin need not wait.
  const line = "crictl pods -q --state NotReady | xargs -r crictl rmp";
  let told = false;
  const removeSandboxes = async (): Promise<void> => {
    if (lab.crictl === undefined) return;
    if (!told) report.command(`${line}   # on the node: else the kubelet does so within a minute`);
    told = true;
    await lab.node(line.replaceAll("crictl", lab.crictl));
  };
  await until("the runtime's last delete", 150, async () => {
    const left = (await onNode(lab, bundles)).trim();
    if (left === "") return { value: undefined };
    await removeSandboxes();
    return { not: left };
  });
}

/** Waits until nothing of the developer's namespace is left; the controller takes its time beside the removal. */
export async function gone(lab: Lab): Promise<void> {
  await kubectl(lab, ["wait", "--for=delete", `namespace/${namespace}`, "--timeout=120s"]);
}
