import { readPod } from "../../../common/api/pod.ts";
import { GRANT_ANNOTATION } from "../../../common/api/names.ts";
import { pathOf } from "../../../common/kube/paths.ts";
import type { Arguments } from "../arguments.ts";
import { usageError } from "../arguments.ts";
import { CLUSTER, HELP, NAMESPACE } from "../command.ts";
import type { Command } from "../command.ts";
import type { KubeObject } from "../documents.ts";
import { explainText } from "../explaintext.ts";
import type { Explained } from "../explaintext.ts";
import { judge } from "../judge.ts";
import { clusterLaw } from "../law.ts";
import { listAll } from "../list.ts";
import { formatted, OUTPUT } from "../output.ts";
import { KINDS, subjectOf } from "../subjects.ts";
import type { Subject } from "../subjects.ts";
import type { Cluster, World } from "../world.ts";

/** What is protected of something that exists, and what would be said to it now. */
export const explain: Command = {
  name: "explain",
  summary: "Says what of a live pod or workload is protected, which grants cover it, and the verdict now.",
  operands: "[POD | TYPE/NAME]",
  maxOperands: 1,
  details: `Without a name: every pod of the namespace that uses something protected. Only reads.
TYPE: ${KINDS.map((each) => each.names[0]).join(", ")}, or their plural and short names.`,
  options: { ...NAMESPACE, ...OUTPUT, ...CLUSTER, ...HELP },
  examples: [
    { what: "a pod", args: "engine-0 -n trading" },
    { what: "a Deployment: what its next pod would be told", args: "deployment/engine -n trading" },
    { what: "all pods of a namespace", args: "-n trading" },
  ],
  run,
};

async function run(args: Arguments, world: World): Promise<number> {
  const cluster = await world.connect(args);
  const namespace = args.get("namespace") ?? cluster.namespace;
  const [what] = args.operands;
  const objects =
    what === undefined ? await allPods(cluster, namespace) : [await find(cluster, namespace, what)];
  const law = await clusterLaw(cluster.api);
  const explained: Explained[] = [];
  for (const object of objects) {
    const subject = subjectOf({ place: "the cluster", object }, namespace);
    if (subject === undefined) continue;
    const judgement = await judge(subject.pod, namespace, law, world.clock);
    explained.push({ subject, ...carriedBy(subject), judgement });
  }
  const data = explained.map(({ subject: { kind, name }, serviceAccount, admittedBy, judgement }) => {
    return { kind, namespace, name, serviceAccount, admittedBy, ...judgement };
  });
  const text = (): string => explainText(explained, what === undefined ? namespace : undefined);
  world.print(formatted(args.get("output"), what === undefined ? data : data[0], text));
  return 0;
}

function allPods({ api }: Cluster, namespace: string): Promise<KubeObject[]> {
  return listAll(api, pathOf({ group: "", version: "v1", resource: "pods" }, { namespace }));
}

/** @throws SchedgateError E_USAGE for a type that is not known; KubeApiError where there is no such object. */
async function find({ api }: Cluster, namespace: string, what: string): Promise<KubeObject> {
  const [first = "", second, ...rest] = what.split("/");
  const [type, name] = second === undefined ? ["pod", first] : [first, second];
  const found = KINDS.find((each) => each.names.includes(type.toLowerCase()));
  if (found === undefined || name === "" || rest.length > 0)
    throw usageError(
      `"${what}": use POD, or TYPE/NAME with one of ${KINDS.map((each) => each.names[0]).join(", ")}`,
    );
  const { apiVersion, kind, resource } = found;
  const object = await api.request({ method: "GET", path: pathOf(resource, { namespace, name }) });
  return { ...(object as object), apiVersion, kind };
}

function carriedBy({ pod, namespace }: Subject): { serviceAccount: string; admittedBy: string | undefined } {
  const { serviceAccount, annotations } = readPod(pod, namespace);
  return { serviceAccount, admittedBy: annotations[GRANT_ANNOTATION] };
}
