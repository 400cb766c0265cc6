import * as z from "zod";
import { hookGrantParts } from "./hookgrant.ts";
import { hookProfileParts } from "./hookprofile.ts";
import { GROUP, VERSION } from "./names.ts";
import { nodeIsolationParts } from "./nodeisolation.ts";

interface Column {
  name: string;
  type: "string" | "integer" | "date";
  jsonPath: string;
  description: string;
  /** 1: only with `-o wide`. */
  priority?: number;
}

interface Kind {
  kind: string;
  plural: string;
  shortName: string;
  description: string;
  parts: Record<string, z.ZodType>;
  /** Parts that must be there. */
  required: string[];
  columns: Column[];
}

const age: Column = {
  name: "Age",
  type: "date",
  jsonPath: ".metadata.creationTimestamp",
  description: "How long it has existed.",
};

function conditionColumn(type: string, description: string): Column {
  return {
    name: type,
    type: "string",
    jsonPath: `.status.conditions[?(@.type=="${type}")].status`,
    description,
  };
}

function column(name: string, jsonPath: string, description: string, more: Partial<Column> = {}): Column {
  return { name, type: "string", jsonPath, description, ...more };
}

const reasonColumn = column("Reason", '.status.conditions[?(@.type=="Ready")].reason', "Why.");

const kinds: Kind[] = [
  {
    kind: "HookProfile",
    plural: "hookprofiles",
    shortName: "hkp",
    description: "HookProfile says what of a pod is protected, and how a pod asks for it.",
    parts: hookProfileParts,
    required: ["spec"],
    columns: [
      column("Request", ".spec.request.annotation", "The annotation by which a pod asks."),
      column("Enforcement", ".spec.enforcement", "What happens to a pod without a grant."),
      conditionColumn("Ready", "Whether the profile works as written."),
      reasonColumn,
      column("Unauthorized", ".status.unauthorized.count", "Pods that use it without a grant.", {
        type: "integer",
      }),
      column("Classes", ".status.runtimeClasses", "RuntimeClasses with a protected handler.", {
        priority: 1,
      }),
      age,
    ],
  },
  {
    kind: "HookGrant",
    plural: "hookgrants",
    shortName: "hkg",
    description: "HookGrant says which pods, by namespace and service account, may use a HookProfile.",
    parts: hookGrantParts,
    required: ["spec"],
    columns: [
      column("Profile", ".spec.profileName", "The profile that is granted."),
      // Of several results the API server prints the first.
      column("Namespace", ".spec.subjects[0].namespace", "The first subject's; -o wide shows all subjects."),
      column("Subjects", ".spec.subjects", "Whose pods may use it.", { priority: 1 }),
      column("NotAfter", ".spec.notAfter", "When it expires."),
      column("Pods", ".status.used.pods", "Pods that hold room.", { type: "integer" }),
      column("CPUs", ".status.used.isolatedCPUs", "CPUs that they hold.", { type: "integer" }),
      column("Max-Pods", ".spec.limits.pods", "Its limit of pods.", { type: "integer", priority: 1 }),
      column("Max-CPUs", ".spec.limits.isolatedCPUs", "Its limit of CPUs.", { type: "integer", priority: 1 }),
      conditionColumn("Ready", "Whether it grants anything now."),
      reasonColumn,
      age,
    ],
  },
  {
    kind: "NodeIsolation",
    plural: "nodeisolations",
    shortName: "niso",
    description:
      "NodeIsolation says which CPUs of a node are out of the kernel's load balancing, and for whom.",
    parts: nodeIsolationParts,
    required: [],
    columns: [
      column("Backend", ".status.backend", "The kernel interface in use."),
      column("Isolated-CPUs", ".status.isolatedCPUs", "CPUs that the kernel does not balance."),
      conditionColumn("Ready", "Whether the agent serves."),
      conditionColumn("Isolated", "Whether all that should be isolated is proven so."),
      conditionColumn("Degraded", "Whether it needs a person."),
      column("Runtime", ".status.runtime", "The container runtime.", { priority: 1 }),
      column("Kernel", ".status.kernelVersion", "The kernel's release.", { priority: 1 }),
      age,
    ],
  },
];

/** The CustomResourceDefinitions of every kind of this project, from the schemas that make the TypeScript types. */
export function customResourceDefinitions(): CustomResourceDefinition[] {
  return kinds.map(definition);
}

/** A CRD, as far as anybody here looks into it. */
export interface CustomResourceDefinition {
  apiVersion: string;
  kind: string;
  metadata: { name: string };
  spec: { names: { kind: string; plural: string } & Record<string, unknown> } & Record<string, unknown>;
}

function definition(kind: Kind): CustomResourceDefinition {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${kind.plural}.${GROUP}` },
    spec: {
      group: GROUP,
      scope: "Cluster",
      names: {
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        plural: kind.plural,
        singular: kind.kind.toLowerCase(),
        shortNames: [kind.shortName],
        categories: ["schedgate"],
      },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: kind.columns,
          schema: { openAPIV3Schema: objectSchema(kind) },
        },
      ],
    },
  };
}

function objectSchema(kind: Kind): object {
  const parts = Object.entries(kind.parts).map(([name, schema]) => [name, partSchema(schema)] as const);
  return {
    description: kind.description,
    type: "object",
    ...(kind.required.length > 0 ? { required: kind.required } : {}),
    properties: {
      apiVersion: { type: "string", description: "The version of this object's schema." },
      kind: { type: "string", description: "The kind of this object." },
      metadata: { type: "object" },
      ...Object.fromEntries(parts),
    },
  };
}

/** OpenAPI v3 as the API server's structural schemas want it; zod's own words for the same type are it already. */
function partSchema(schema: z.ZodType): object {
  return z.toJSONSchema(schema, {
    target: "openapi-3.0",
    io: "input",
    unrepresentable: "throw",
    cycles: "throw",
  });
}
