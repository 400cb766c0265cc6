import type { Pod } from "../../common/api/pod.ts";
import { API_VERSION } from "../../common/api/names.ts";
import type { Finding } from "./decide.ts";
import { isClean } from "./decide.ts";
import type { Uncovered } from "./grants.ts";
import type { Full } from "./room.ts";
import type { Use } from "./uses.ts";

/** So many protected things are named; the others are counted. */
const NAMED = 5;

/** A line about a pod, whatever it says. */
export function podLine({ namespace, name }: Pod, text: string): string {
  return `pod ${namespace}/${name}: ${text}`;
}

/**
 * The one line that a person reads: which pod, what of it is protected, by which profile, for which service account,
 * why no grant covers it, and the command that would grant it. Only the places that refuse, warn or note use it.
 */
export function refusalLine(pod: Pod, findings: readonly Finding[]): string {
  const parts = findings.filter((each) => !isClean(each)).map((each) => findingClause(pod, each));
  return podLine(pod, parts.join("; "));
}

function findingClause(pod: Pod, { profile, uses, coverage, faults }: Finding): string {
  const clauses: string[] = [];
  if (coverage?.covered === false) {
    const verb = uses.length === 1 ? "is" : "are";
    clauses.push(
      `${usesText(uses)} ${verb} protected by HookProfile ${profile.name}, and ` +
        `${coverageText(pod, coverage)}; ${remedy(pod, profile.name, coverage)}`,
    );
  }
  clauses.push(...faults.map((each) => `HookProfile ${profile.name}: ${each}`));
  return clauses.join("; ");
}

/** Uses as people read them, the first few by name. */
export function usesText(uses: readonly Use[]): string {
  const named = uses.slice(0, NAMED).map(useText);
  const more = uses.length - named.length;
  if (more > 0) named.push(`${more} more`);
  const last = named.pop() ?? "";
  return named.length === 0 ? last : `${named.join(", ")} and ${last}`;
}

function useText(use: Use): string {
  if (use.kind === "class") return `runtimeClassName ${use.runtimeClassName} (handler ${use.handler})`;
  return use.kind === "request" ? `annotation ${use.key}=enabled` : `annotation ${use.key}`;
}

function coverageText(pod: Pod, coverage: Uncovered): string {
  const who = `service account ${pod.namespace}/${pod.serviceAccount}`;
  switch (coverage.reason) {
    case "none":
      return `no HookGrant covers ${who}`;
    case "otherAccount":
      return `no HookGrant covers ${who}, only others of its namespace (is spec.serviceAccountName right?)`;
    case "expired":
      return `the HookGrant ${coverage.grant} for ${who} expired at ${coverage.notAfter}`;
    case "noRoom":
      return `the HookGrant ${coverage.full[0].grant} for ${who} has no room (${roomText(coverage.full[0])})`;
  }
}

/** How full a grant is: `pods: 10/10 used`. */
function roomText({ limit, used, max, takes }: Full): string {
  const more = limit === "isolatedCPUs" ? `, this pod takes ${takes}` : "";
  return `${limit}: ${used}/${max} used${more}`;
}

/** A pod that uses what is protected already, and now wants more of its grant than there is. */
export function noMoreRoomFault(full: Full): string {
  return `the HookGrant ${full.grant} has no room for this (${roomText(full)}): ${editCommand(full.grant)}`;
}

/** A pod that no enforcing profile protects, and of whose room nothing is known. */
export function unknownRoomFault(grant: string, why: string): string {
  return `it is not known whether the HookGrant ${grant} has room for this: ${why}`;
}

function editCommand(grant: string): string {
  return `a cluster admin can change that: kubectl edit hookgrant ${grant}`;
}

/** A command that a cluster admin can paste. Names are DNS names, so nothing in it needs quoting of its own. */
function remedy(pod: Pod, profile: string, coverage: Uncovered): string {
  if (coverage.reason === "noRoom") return editCommand(coverage.full[0].grant);
  if (coverage.reason === "expired") return editCommand(coverage.grant);
  const grant = {
    apiVersion: API_VERSION,
    kind: "HookGrant",
    metadata: { generateName: `${pod.namespace}-` },
    spec: {
      profileName: profile,
      subjects: [{ namespace: pod.namespace, serviceAccounts: [pod.serviceAccount] }],
    },
  };
  return `a cluster admin can grant it: echo '${JSON.stringify(grant)}' | kubectl create -f -`;
}
