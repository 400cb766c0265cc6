import * as z from "zod";
import { conditions, objectMeta, observedGeneration } from "./meta.ts";
import { count, dnsLabel, dnsSubdomain, instant, setOf } from "./scheme.ts";

const subject = z.object({
  namespace: dnsLabel("The pods' namespace, by name."),
  serviceAccounts: setOf(
    dnsSubdomain("A service account's name."),
    64,
    "Omitted: every service account of the namespace.",
  )
    .min(1)
    .optional(),
});

const limits = z
  .object({
    pods: count(1000000, "Pods at a time.").optional(),
    isolatedCPUs: count(1000000, "Whole CPUs that the pods of this grant may hold at a time.").optional(),
  })
  .meta({ description: "Room of this grant, over all its subjects. 0 grants nothing." });

const spec = z
  .object({
    profileName: dnsSubdomain("The HookProfile that is granted. An unknown one grants nothing."),
    subjects: z
      .array(subject)
      .min(1)
      .max(64)
      .meta({
        description: "Who may use the profile, one entry a namespace.",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["namespace"],
      }),
    limits: limits.optional(),
    notAfter: instant("Refused from this instant on.").optional(),
  })
  .meta({ description: "Who may use a profile." });

const status = z
  .object({
    observedGeneration: observedGeneration.optional(),
    conditions: conditions.optional(),
    used: z
      .object({
        pods: count(2147483647, "Pods that use this grant now."),
        isolatedCPUs: count(2147483647, "CPUs that they hold."),
      })
      .optional()
      .meta({ description: "What is taken of the limits." }),
  })
  .meta({ description: "What the controller last saw." });

/** HookGrant: the source of its TypeScript type, its validator and its CRD. */
export const hookGrantSchema = z.object({ metadata: objectMeta, spec, status: status.optional() });
export type HookGrant = z.infer<typeof hookGrantSchema>;

/** The parts that make the CRD. */
export const hookGrantParts = { spec, status };
