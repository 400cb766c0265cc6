import { kubectl } from "../demo/cluster.ts";
import { onNode } from "../demo/kernel.ts";
import { pinnedPodSpec } from "../demo/objects.ts";
import { until } from "../demo/wait.ts";
import type { Lab } from "../lab/lab.ts";

/** Where static pods of the test are; nobody has a grant there. */
export const namespace = "static";

/** A pod that asks by annotation and handler, without a service account: a static one may name none. */
export function staticPod(name: string, cpus: number): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, annotations: { "schedgate.dev/cpu-isolation": "enabled" } },
    spec: pinnedPodSpec(cpus, { serviceAccountName: "", runtimeClassName: "wrapper" }),
  };
}

/** Gives the kubelet a manifest, whole at once. Returns the name of the mirror that it makes in the API. */
export async function putStaticPod(lab: Lab, name: string, cpus: number): Promise<string> {
  await writeOnNode(lab, `${lab.staticPods}/${name}.json`, JSON.stringify(staticPod(name, cpus)));
  const mirror = await mirrorName(lab, name);
  await kubectl(lab, ["-n", namespace, "wait", "--for=create", `pod/${mirror}`, "--timeout=60s"]);
  return mirror;
}

/** Takes the manifest away, and waits until the kubelet has ended the pod and taken its mirror away. */
export async function removeStaticPod(lab: Lab, name: string): Promise<void> {
  await onNode(lab, `rm ${lab.staticPods}/${name}.json`);
  await kubectl(lab, [
    "-n",
    namespace,
    "wait",
    "--for=delete",
    `pod/${await mirrorName(lab, name)}`,
    "--timeout=60s",
  ]);
}

/** Writes the node's own list of static pods that may be isolated. */
export async function allowStaticPods(lab: Lab, lines: readonly string[]): Promise<void> {
  const path = lab.agentSettings["SCHEDGATE_STATIC_PODS"] ?? "/etc/schedgate/static-pods";
  await writeOnNode(lab, path, `${lines.join("\n")}\n`);
}

/** Name of the lab's one node. */
export function nodeName(lab: Lab): Promise<string> {
  return kubectl(lab, ["get", "nodes", "-o", "jsonpath={.items[0].metadata.name}"]);
}

/** The name that a static pod has in the API. */
async function mirrorName(lab: Lab, name: string): Promise<string> {
  return `${name}-${await nodeName(lab)}`;
}

/** Waits until the agent says that something needs a person, in words that hold this. */
export async function degraded(lab: Lab, text: string): Promise<void> {
  const path = '{.items[0].status.conditions[?(@.type=="Degraded")].message}';
  await until(`NodeIsolation says "${text}"`, 60, async () => {
    const message = await kubectl(lab, ["get", "nodeisolations", "-o", `jsonpath=${path}`]);
    return message.includes(text) ? { value: undefined } : { not: message };
  });
}

async function writeOnNode(lab: Lab, path: string, text: string): Promise<void> {
  const coded = Buffer.from(text).toString("base64");
  // A kubelet reads no manifest whose name begins with a dot.
  const beside = path.replace(/([^/]*)$/, ".$1");
  await onNode(
    lab,
    `mkdir -p ${path.replace(/\/[^/]*$/, "")} && echo ${coded} | base64 -d > ${beside} && mv ${beside} ${path}`,
  );
}
