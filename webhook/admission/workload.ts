import * as z from "zod";
import { readPod } from "../../common/api/pod.ts";
import type { Pod } from "../../common/api/pod.ts";
import { clip, SchedgateError } from "../../common/errors.ts";
import { findings } from "../policy/decide.ts";
import type { Finding, Rules } from "../policy/decide.ts";
import { verdict } from "../policy/verdict.ts";
import { handlerOfPod } from "./change.ts";
import type { ClusterView } from "./change.ts";
import { injection } from "./mutate.ts";
import { podTemplateSchema } from "./podtemplate.ts";
import type { Answer } from "./response.ts";
import type { AdmissionRequest } from "./review.ts";
import { answerOf } from "./validate.ts";

const metadata = z.object({ name: z.string().nullish(), generateName: z.string().nullish() });
const workloadSchema = z.object({ metadata, spec: podTemplateSchema });

/** What the pods of a workload would be told. The workload itself is never refused: its grant may come later. */
export async function workloadAdvice(
  rules: Rules,
  { kind, object, namespace }: AdmissionRequest,
  cluster: ClusterView,
): Promise<Answer> {
  const { name, pod } = readTemplate(object, namespace ?? "");
  const list = await asCreated(rules, pod, cluster);
  const { refusal, warnings, violation } = verdict(pod, list);
  const subject = `${kind.kind} ${pod.namespace}/${name}`;
  const lines = [
    ...(refusal === undefined ? [] : [`${subject}: its pods will be refused: ${refusal}`]),
    ...warnings.map((each) => `${subject}: its pods will be warned: ${each}`),
  ];
  return answerOf({ refusal: undefined, warnings: lines, violation }, list);
}

/** What is said to a pod when our mutating webhook has done its work on it. */
async function asCreated(rules: Rules, pod: Pod, cluster: ClusterView): Promise<Finding[]> {
  const injected = await injection(rules, pod, cluster);
  if (injected !== undefined) return injected.findings;
  return findings(rules, { before: undefined, after: pod, handler: await handlerOfPod(pod, cluster) });
}

/** The name of a workload, and a pod of it as its controller would name it. @throws SchedgateError E_POD for something without a template. */
function readTemplate(raw: unknown, namespace: string): { name: string; pod: Pod } {
  const parsed = workloadSchema.safeParse(raw);
  if (!parsed.success) {
    const problem = clip(z.prettifyError(parsed.error).replaceAll("\n", " "));
    throw new SchedgateError("E_POD", `not a workload with a pod template: ${problem}`);
  }
  const { metadata: own, spec: template } = parsed.data;
  const name = own.name ? own.name : `${own.generateName ?? ""}*`;
  const pod = readPod({ ...template, metadata: template.metadata ?? {} }, namespace);
  return { name, pod: { ...pod, name: `${name}-*` } };
}
