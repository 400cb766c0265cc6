import { GRANT_ANNOTATION } from "../../common/api/names.ts";
import type { Pod } from "../../common/api/pod.ts";
import { findings } from "../policy/decide.ts";
import type { Change, Finding, Rules } from "../policy/decide.ts";
import { rightGrantValue } from "../policy/grantannotation.ts";
import { classToInject } from "../policy/inject.ts";
import type { Classes } from "./change.ts";
import { setAnnotation, setRuntimeClass } from "./patch.ts";
import type { PatchStep } from "./patch.ts";

/** The steps that give a pod what it asks for and may have. Never refuses: that is for the validating webhook. */
export async function mutation(rules: Rules, change: Change, classes: Classes): Promise<PatchStep[]> {
  const injected = change.before === undefined ? await injection(rules, change, classes) : undefined;
  const list = injected?.findings ?? findings(rules, change);
  const steps = injected === undefined ? [] : setRuntimeClass(injected.className);
  return [...steps, ...grantSteps(change, list)];
}

/** The class to inject, and what is said to the pod with it; undefined where the pod gets none. */
async function injection(
  rules: Rules,
  { after }: Change,
  classes: Classes,
): Promise<{ className: string; findings: Finding[] } | undefined> {
  const className = classToInject(rules.profiles, after);
  if (className === undefined) return undefined;
  const handler = await classes.handlerOf(className);
  if (handler === undefined) return undefined;
  const pod: Pod = { ...after, runtimeClassName: className };
  const list = findings(rules, { before: undefined, after: pod, handler });
  // Every profile that protects the class or the annotation must grant it, also one that would only warn.
  const covered = list.every((each) => each.coverage?.covered !== false);
  return covered ? { className, findings: list } : undefined;
}

function grantSteps({ before, after }: Change, list: readonly Finding[]): PatchStep[] {
  const right = rightGrantValue(before, list);
  // What an update wrote by itself stays as it is, and is refused by the validating webhook.
  if (before !== undefined && right === before.annotations[GRANT_ANNOTATION]) return [];
  return setAnnotation(after.annotations, GRANT_ANNOTATION, right);
}
