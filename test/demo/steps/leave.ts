import type { Lab } from "../../lab/lab.ts";
import { kubectl } from "../cluster.ts";
import { onNode } from "../kernel.ts";
import { namespace } from "../objects.ts";
import type { Report } from "../report.ts";
import { until } from "../wait.ts";

/** The developer leaves: no pod uses the handler any more, and the runtime has deleted the last container of it. */
export async function leave(lab: Lab, report: Report): Promise<void> {
  report.command(`kubectl delete namespace ${namespace}`);
  await kubectl(lab, ["delete", "namespace", namespace, "--wait=false"]);
  await kubectl(lab, ["delete", "hookgrant", "--all"]);
  // CRI-O deletes containers up to a minute after their pod is gone, and calls the launcher for it.
  const bundles = `for f in /run/schedgate/asks/*; do
    read -r bundle < "$f/ask" && [ -e "$bundle/config.json" ] && echo "$bundle"
  done 2>/dev/null; true`;
  await until("the runtime's last delete", 150, async () => {
    const left = (await onNode(lab, bundles)).trim();
    return left === "" ? { value: undefined } : { not: left };
  });
}

/** Waits until nothing of the developer's namespace is left; the controller takes its time beside the removal. */
export async function gone(lab: Lab): Promise<void> {
  await kubectl(lab, ["wait", "--for=delete", `namespace/${namespace}`, "--timeout=120s"]);
}
