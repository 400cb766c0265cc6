import type { Lab, Output } from "../lab/lab.ts";
import { must } from "../lab/product/must.ts";
import { until } from "./wait.ts";

/** kubectl that must succeed; gives its output. */
export function kubectl(lab: Lab, args: string[], input?: object): Promise<string> {
  return must(lab, args, input === undefined ? undefined : JSON.stringify(input));
}

/** kubectl whose failure is of interest. */
function attempt(lab: Lab, args: string[], input?: object): Promise<Output> {
  return lab.kubectl(args, input === undefined ? undefined : JSON.stringify(input));
}

/** Applies one object. */
export async function apply(lab: Lab, object: object): Promise<void> {
  await kubectl(lab, ["apply", "-f", "-"], object);
}

/** Tries to create what must be refused, and gives the refusal that a person reads. */
export async function refusal(lab: Lab, args: string[], object?: object): Promise<string> {
  const { code, stdout, stderr } = await attempt(lab, args, object);
  if (code === 0) throw new Error(`kubectl ${args.join(" ")} was allowed: ${stdout}`);
  if (!/forbidden/i.test(stderr)) throw new Error(`refused, but not by a decision: ${stderr}`);
  return stderr.trim();
}

/** Waits until a pod runs with all containers ready. */
export async function running(lab: Lab, namespace: string, name: string): Promise<void> {
  await kubectl(lab, ["-n", namespace, "wait", "--for=condition=Ready", `pod/${name}`, "--timeout=90s"]);
}

/** The name of the one pod with this label. */
export async function podOf(lab: Lab, namespace: string, label: string): Promise<string> {
  return until(`a pod with ${label}`, 30, async () => {
    const args = ["-n", namespace, "get", "pods", "-l", label, "-o", "jsonpath={.items[*].metadata.name}"];
    const names = (await kubectl(lab, args)).split(" ").filter((name) => name !== "");
    return names[0] === undefined ? { not: "no pod" } : { value: names[0] };
  });
}

/** How many reviews all replicas of the webhook have answered. */
export function reviews(lab: Lab): Promise<number> {
  return counted(lab, "schedgate-webhook", "schedgate_admission_requests_total{");
}

/** How many starts launchers asked of the node agent, and how many of them it has done. */
export async function agentStarts(lab: Lab): Promise<{ asked: number; done: number }> {
  const starts = 'schedgate_launcher_requests_total{command="start"';
  const asked = await counted(lab, "schedgate-node-agent", `${starts},`);
  return { asked, done: await counted(lab, "schedgate-node-agent", `${starts},outcome="done"}`) };
}

// The sum of all values in its pods' metrics whose lines begin so.
async function counted(lab: Lab, app: string, beginning: string): Promise<number> {
  const args = ["-n", "schedgate-system", "get", "pods", "-l", `app.kubernetes.io/name=${app}`];
  const names = (await kubectl(lab, [...args, "-o", "jsonpath={.items[*].metadata.name}"])).split(" ");
  const counts = names.map(async (name) => {
    const path = `/api/v1/namespaces/schedgate-system/pods/${name}:8081/proxy/metrics`;
    const lines = (await kubectl(lab, ["get", "--raw", path])).split("\n");
    return lines
      .filter((line) => line.startsWith(beginning))
      .reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
  });
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}
