import type { Arguments } from "../arguments.ts";
import { usageError } from "../arguments.ts";
import { CLUSTER, HELP, NAMESPACE } from "../command.ts";
import type { Command } from "../command.ts";
import { readDocuments, unusable } from "../documents.ts";
import type { Document } from "../documents.ts";
import { judge } from "../judge.ts";
import { clusterLaw, fileLaw } from "../law.ts";
import type { SourcedLaw } from "../law.ts";
import { formatted, OUTPUT } from "../output.ts";
import { checkData, checkText } from "../report.ts";
import type { Checked } from "../report.ts";
import { subjectOf } from "../subjects.ts";
import type { World } from "../world.ts";

/** Whether pods would be admitted. */
export const check: Command = {
  name: "check",
  summary: "Says whether pods would be admitted, and what would be injected into them.",
  operands: "-f FILE...",
  maxOperands: 0,
  details: `FILE holds pods or workloads, YAML or JSON, any number of documents; - is stdin. They are judged by the cluster's profiles and grants,
or offline with --grants or --profiles: then no grants but those given count, and without --profiles the profile and RuntimeClass of
the installation stand for the cluster's. RuntimeClasses may stand in any file; one that is not known is refused, as on a cluster.
Not seen: other webhooks, LimitRanges, and grants used up meanwhile.

Exit code: 0 all allowed, 1 at least one refused, 2 unusable input.`,
  options: {
    filename: {
      type: "string",
      short: "f",
      value: "FILE",
      files: true,
      help: "what to judge; may be repeated",
    },
    grants: { type: "string", value: "FILE", files: true, help: "HookGrants to judge by; may be repeated" },
    profiles: {
      type: "string",
      value: "FILE",
      files: true,
      help: "HookProfiles to judge by; may be repeated",
    },
    ...NAMESPACE,
    ...OUTPUT,
    ...CLUSTER,
    ...HELP,
  },
  examples: [
    { what: "by the grants of the current cluster", args: "-f pod.yaml" },
    { what: "offline, all files of two folders", args: "-f deploy/*.yaml --grants grants/*.yaml" },
    { what: "what a chart would make", from: "helm template my-chart", args: "-f - --grants grants.yaml" },
  ],
  run,
};

async function run(args: Arguments, world: World): Promise<number> {
  if (!args.has("filename")) throw usageError("-f FILE is missing: name what to judge, or - for stdin");
  const documents = await readAll(args.all("filename"), world);
  const { law, namespace } = await lawFor(args, documents, world);
  const checked: Checked[] = [];
  const passedOver: Document[] = [];
  for (const document of documents) {
    const subject = subjectOf(document, namespace);
    if (subject === undefined) passedOver.push(document);
    else checked.push({ subject, judgement: await judge(subject.pod, subject.namespace, law, world.clock) });
  }
  if (checked.length === 0)
    throw unusable(args.all("filename").join(", "), "no pod and no workload to judge");
  const report = { source: law.source, checked, passedOver };
  world.print(formatted(args.get("output"), checkData(report), () => checkText(report)));
  return checked.some(({ judgement }) => judgement.verdict === "refused") ? 1 : 0;
}

async function lawFor(
  args: Arguments,
  others: readonly Document[],
  world: World,
): Promise<{ law: SourcedLaw; namespace: string }> {
  const named = args.get("namespace");
  if (args.has("grants") || args.has("profiles")) {
    const profiles = args.has("profiles") ? await readAll(args.all("profiles"), world) : undefined;
    const grants = await readAll(args.all("grants"), world);
    return { law: fileLaw({ grants, profiles, others }), namespace: named ?? "default" };
  }
  const cluster = await world.connect(args);
  return { law: await clusterLaw(cluster.api), namespace: named ?? cluster.namespace };
}

async function readAll(files: readonly string[], world: World): Promise<Document[]> {
  const documents: Document[] = [];
  for (const file of files) documents.push(...readDocuments(file, await world.read(file)));
  return documents;
}
