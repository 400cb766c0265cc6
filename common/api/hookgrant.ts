import * as z from "zod";
import { conditions, objectMeta, observedGeneration } from "./meta.ts";
import { atomicListOf, count, dnsLabel, dnsSubdomain, instant, setOf, text } from "./scheme.ts";

/**
 * So many pods hold room of one grant at most: each is an entry of its status, and etcd takes no object of more than
 * 1.5 MiB. A limit that is higher could not be kept.
 */
export const MAX_HOLDERS = 2000;

/** The largest count that the API holds (int32). */
export const MAX_COUNT = 2147483647;

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
    pods: count(MAX_HOLDERS, "Pods at a time.").optional(),
    isolatedCPUs: count(1000000, "Whole CPUs that the pods of this grant may hold at a time.").optional(),
  })
  .meta({
    description: `Room of this grant, over all its subjects. 0 grants nothing. With any limit at most ${MAX_HOLDERS} pods.`,
  });

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

const holder = z.object({
  uid: text(128, "The pod's metadata.uid.").min(1),
  namespace: dnsLabel("The pod's namespace."),
  name: dnsSubdomain("The pod's name."),
  isolatedCPUs: count(MAX_COUNT, "CPUs that are kept for it."),
  since: instant("When this was reserved, or last grew."),
});
export type Holder = z.infer<typeof holder>;

const status = z
  .object({
    observedGeneration: observedGeneration.optional(),
    conditions: conditions.optional(),
    used: z
      .object({
        pods: count(MAX_COUNT, "Pods that use this grant now."),
        isolatedCPUs: count(MAX_COUNT, "CPUs that they hold."),
      })
      .optional()
      .meta({ description: "What is taken of the limits." }),
    // Atomic: one owner writes it whole, and the API server need not note the owner of each entry.
    holders: atomicListOf(
      holder,
      MAX_HOLDERS,
      "The pods that hold room of this grant; absent: not counted.",
    ).optional(),
  })
  .meta({ description: "What the controller last saw." });

/** HookGrant: the source of its TypeScript type, its validator and its CRD. */
export const hookGrantSchema = z.object({ metadata: objectMeta, spec, status: status.optional() });
export type HookGrant = z.infer<typeof hookGrantSchema>;

/** The parts that make the CRD. */
export const hookGrantParts = { spec, status };
