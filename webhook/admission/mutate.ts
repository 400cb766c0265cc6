import { GRANT_ANNOTATION } from "../../common/api/names.ts";
import type { Pod } from "../../common/api/pod.ts";
import { findings } from "../policy/decide.ts";
import type { Finding, Rules } from "../policy/decide.ts";
import { rightGrantValue } from "../policy/grantannotation.ts";
import { classToInject } from "../policy/inject.ts";
import type { ClusterView, PodWrite } from "./change.ts";
import { markOf } from "./mark.ts";
import { setAnnotation, setMark, setRuntimeClass, setUid } from "./patch.ts";
import type { PatchStep } from "./patch.ts";

/** The steps that give a pod what it asks for and may have. Never refuses: that is for the validating webhook. */
export async function mutation(rules: Rules, write: PodWrite, cluster: ClusterView): Promise<PatchStep[]> {
  const { before, after } = write.change;
  const injected = before === undefined ? await injection(rules, after, cluster) : undefined;
  const list = injected?.findings ?? findings(rules, write.change);
  return [...classSteps(injected?.pod), ...grantSteps(write, list), ...uidSteps(write, list)];
}

/** A pod with the class that it would get, and what is said to it; undefined where it gets none. */
export async function injection(
  rules: Rules,
  after: Pod,
  cluster: ClusterView,
): Promise<{ pod: Pod & { runtimeClassName: string }; findings: Finding[] } | undefined> {
  const className = classToInject(rules.profiles, after);
  if (className === undefined) return undefined;
  const handler = await cluster.handlerOf(className);
  if (handler === undefined) return undefined;
  const pod = { ...after, runtimeClassName: className };
  const list = findings(rules, { before: undefined, after: pod, handler });
  // Every profile that protects the class or the annotation must grant it, also one that would only warn.
  const covered = list.every((each) => each.coverage?.covered !== false);
  return covered ? { pod, findings: list } : undefined;
}

function classSteps(pod: (Pod & { runtimeClassName: string }) | undefined): PatchStep[] {
  return pod === undefined ? [] : [...setRuntimeClass(pod.runtimeClassName), ...setMark(markOf(pod))];
}

function grantSteps({ change: { before }, written }: PodWrite, list: readonly Finding[]): PatchStep[] {
  const right = rightGrantValue(before, list);
  // What an update wrote by itself stays as it is, and is refused by the validating webhook.
  if (before !== undefined && right === before.annotations[GRANT_ANNOTATION]) return [];
  return setAnnotation(written, GRANT_ANNOTATION, right);
}

/** Else another pod of that name, made after the look at this one, would get what only this one may have. */
function uidSteps({ uids, written }: PodWrite, list: readonly Finding[]): PatchStep[] {
  const brings = list.length > 0 || Object.hasOwn(written, GRANT_ANNOTATION);
  return uids === undefined || uids.named !== undefined || !brings ? [] : setUid(uids.judged);
}
