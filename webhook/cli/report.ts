import { GRANT_ANNOTATION } from "../../common/api/names.ts";
import type { Document } from "./documents.ts";
import type { Judgement } from "./judge.ts";
import type { SourcedLaw } from "./law.ts";
import type { Subject } from "./subjects.ts";

/** So many names are listed; the others are counted. */
const NAMED = 5;

export interface Checked {
  subject: Subject;
  judgement: Judgement;
}

/** Everything that `check` has to say. */
export interface Report {
  source: SourcedLaw["source"];
  checked: readonly Checked[];
  /** Objects that are no pods and make none. */
  passedOver: readonly Document[];
}

/** For programs. */
export function checkData({ source, checked, passedOver }: Report): object {
  return {
    judgedBy: source,
    results: checked.map(({ subject: { pod: _, ...subject }, judgement }) => ({ ...subject, ...judgement })),
    notJudged: passedOver.map(({ place, object }) => ({ place, kind: object.kind, name: nameOf(object) })),
  };
}

/** For people: a line by what was judged, then one or two a pod, then what was not. */
export function checkText({ source, checked, passedOver }: Report): string {
  return [
    sourceLine(source),
    ...checked.flatMap(({ subject, judgement }) => [
      `${judgement.verdict.padEnd(7)}   ${subject.kind} ${subject.namespace}/${subject.name} (${subject.place})`,
      ...detailLines(judgement).map((line) => `  ${line}`),
    ]),
    ...passedOver.map(
      ({ place, object }) =>
        `skipped   ${object.kind} ${nameOf(object)} (${place}): no pod, and makes none that is known here`,
    ),
  ].join("\n");
}

/** What a judgement says beside its verdict. */
function detailLines({ verdict, message, grants, protections, injected }: Judgement): string[] {
  const lines = message === undefined ? [] : [message];
  if (verdict === "allowed" && protections.length === 0) lines.push("uses nothing that is protected");
  if (grants.length > 0) lines.push(`by HookGrant ${grants.join(", ")}`);
  if (verdict === "refused") return lines;
  if (injected.runtimeClassName !== undefined)
    lines.push(`gets runtimeClassName: ${injected.runtimeClassName}`);
  if (injected.grant !== undefined) lines.push(`gets annotation ${GRANT_ANNOTATION}: ${injected.grant}`);
  return lines;
}

function sourceLine({ from, profiles, grants, builtIn }: SourcedLaw["source"]): string {
  const own = builtIn ? " and RuntimeClass wrapper as installed" : "";
  const where = from === "files" ? "offline" : "as the cluster has them";
  return `Judged by ${named("HookProfile", profiles)}${own}, with ${named("HookGrant", grants)} (${where})`;
}

/** The first few by name. */
export function named(kind: string, names: readonly string[]): string {
  if (names.length === 0) return `no ${kind}`;
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : "";
  return `${kind} ${names.slice(0, NAMED).join(", ")}${more}`;
}

function nameOf({ metadata }: Document["object"]): string {
  const name = metadata?.name ?? "";
  return metadata?.namespace ? `${metadata.namespace}/${name}` : name;
}
