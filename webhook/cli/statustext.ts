import * as z from "zod";
import { hookGrantSchema } from "../../common/api/hookgrant.ts";
import type { HookGrant } from "../../common/api/hookgrant.ts";
import { hookProfileSchema } from "../../common/api/hookprofile.ts";
import type { HookProfile } from "../../common/api/hookprofile.ts";
import { objectMeta } from "../../common/api/meta.ts";
import { nodeIsolationParts } from "../../common/api/nodeisolation.ts";
import { age, table } from "./table.ts";

const nodeSchema = z.object({ metadata: objectMeta, status: nodeIsolationParts.status.optional() });
type Node = z.infer<typeof nodeSchema>;

/** Objects of the three kinds, as listed. */
export interface Listed {
  profiles: readonly unknown[];
  grants: readonly unknown[];
  nodes: readonly unknown[];
}

/** A table a kind. */
export function statusText({ profiles, grants, nodes }: Listed, now: Date): string {
  return [
    section(
      "HookProfiles",
      PROFILE,
      profiles.map((each) => profileRow(hookProfileSchema.parse(each), now)),
    ),
    section(
      "HookGrants",
      GRANT,
      grants.map((each) => grantRow(hookGrantSchema.parse(each), now)),
    ),
    section(
      "Nodes",
      NODE,
      nodes.map((each) => nodeRow(nodeSchema.parse(each), now)),
    ),
  ].join("\n\n");
}

const PROFILE = ["NAME", "REQUEST", "ENFORCEMENT", "READY", "UNAUTHORIZED", "AGE"];
const GRANT = ["NAME", "PROFILE", "SUBJECTS", "PODS", "CPUS", "NOT-AFTER", "READY", "AGE"];
const NODE = ["NAME", "BACKEND", "ISOLATED-CPUS", "OWNERS", "READY", "ISOLATED", "DEGRADED", "AGE"];

function section(title: string, head: string[], rows: string[][]): string {
  return rows.length === 0 ? `${title}: none` : `${title}\n${table([head, ...rows])}`;
}

function profileRow({ metadata, spec, status }: HookProfile, now: Date): string[] {
  return [
    metadata.name,
    spec.request?.annotation ?? "<none>",
    spec.enforcement,
    condition(status?.conditions, "Ready"),
    String(status?.unauthorized?.count ?? "<unknown>"),
    age(metadata.creationTimestamp, now),
  ];
}

function grantRow({ metadata, spec, status }: HookGrant, now: Date): string[] {
  return [
    metadata.name,
    spec.profileName,
    spec.subjects.map(subjectText).join(","),
    room(status?.used?.pods, spec.limits?.pods),
    room(status?.used?.isolatedCPUs, spec.limits?.isolatedCPUs),
    spec.notAfter ?? "<none>",
    condition(status?.conditions, "Ready"),
    age(metadata.creationTimestamp, now),
  ];
}

function nodeRow({ metadata, status }: Node, now: Date): string[] {
  const cpus = status?.isolatedCPUs ?? "";
  return [
    metadata.name,
    status?.backend ?? "<unknown>",
    cpus === "" ? "<none>" : cpus,
    String(status?.owners?.length ?? 0),
    condition(status?.conditions, "Ready"),
    condition(status?.conditions, "Isolated"),
    condition(status?.conditions, "Degraded"),
    age(metadata.creationTimestamp, now),
  ];
}

function subjectText({ namespace, serviceAccounts }: HookGrant["spec"]["subjects"][number]): string {
  if (serviceAccounts === undefined) return `${namespace}/*`;
  return serviceAccounts.map((each) => `${namespace}/${each}`).join(",");
}

/** `2/10`: used of the limit; `?` where nobody has counted, `-` where there is no limit. */
function room(used: number | undefined, limit: number | undefined): string {
  return `${used ?? "?"}/${limit ?? "-"}`;
}

/** `True`, or `False (Reason)`. */
function condition(conditions: HookGrantConditions, type: string): string {
  const found = conditions?.find((each) => each.type === type);
  if (found === undefined) return "<unknown>";
  const good = type === "Degraded" ? "False" : "True";
  return found.status === good ? found.status : `${found.status} (${found.reason})`;
}

type HookGrantConditions = NonNullable<HookGrant["status"]>["conditions"];
