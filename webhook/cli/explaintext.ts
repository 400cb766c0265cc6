import type { Judgement } from "./judge.ts";
import { named } from "./report.ts";
import type { Subject } from "./subjects.ts";

export interface Explained {
  subject: Subject;
  serviceAccount: string;
  /** The grants that the live object names. */
  admittedBy: string | undefined;
  judgement: Judgement;
}

/** For people: a block each. With `all`, the namespace whose pods these are, those that use nothing are only counted. */
export function explainText(list: readonly Explained[], all: string | undefined): string {
  if (all === undefined) return list.map(block).join("\n");
  const concerned = list.filter(
    ({ judgement }) => judgement.verdict !== "allowed" || judgement.protections.length > 0,
  );
  const rest = list.length - concerned.length;
  const pods = rest === 1 ? "pod uses" : "pods use";
  return [...concerned.map(block), `${rest} ${pods} nothing that is protected in namespace ${all}`].join(
    "\n",
  );
}

function block({ subject, serviceAccount, admittedBy, judgement }: Explained): string {
  const { kind, namespace, name } = subject;
  const { verdict, message, injected, protections } = judgement;
  const rows = protections.flatMap(({ profile, enforcement, uses, grants }) => [
    `uses ${uses}, protected by HookProfile ${profile} (${enforcement})`,
    `  covered by ${named("HookGrant", grants)}`,
  ]);
  if (protections.length === 0 && verdict === "allowed") rows.push("uses nothing that is protected");
  if (admittedBy !== undefined) rows.push(`was admitted by HookGrant ${admittedBy}`);
  const gets =
    injected.runtimeClassName === undefined ? "" : `, with runtimeClassName: ${injected.runtimeClassName}`;
  rows.push(`${kind === "Pod" ? "a pod like this" : "its next pod"} now: ${verdict}${gets}`);
  if (message !== undefined) rows.push(`  ${message}`);
  return [
    `${kind} ${namespace}/${name} (service account ${serviceAccount})`,
    ...rows.map((row) => `  ${row}`),
  ].join("\n");
}
