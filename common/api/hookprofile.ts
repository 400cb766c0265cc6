import * as z from "zod";
import { GLOB_SYNTAX, isGlob } from "../glob.ts";
import { GRANT_ANNOTATION } from "./names.ts";
import { conditions, objectMeta, observedGeneration } from "./meta.ts";
import { count, dnsLabel, dnsSubdomain, listMapOf, rules, setOf } from "./scheme.ts";

const glob = z
  .string()
  .min(1)
  .max(317)
  .refine(isGlob)
  .meta({
    description: "A glob over annotation keys, exactly as Go's path.Match: `*` and `?` do not cross `/`.",
    ...rules({
      rule: `self.matches(r"${GLOB_SYNTAX}")`,
      message: "not a glob of Go's path.Match in printable ASCII: `*`, `?`, `[a-z]`, `[^a-z]`, `\\c`",
    }),
  });

const protects = z
  .object({
    runtimeHandlers: setOf(
      dnsLabel("A RuntimeClass handler, as the node's runtime knows it."),
      32,
      "Protected handlers: every RuntimeClass with one of them is protected, under any name, now or later.",
    ).optional(),
    annotations: setOf(glob, 64, "Globs of protected annotation keys.").optional(),
  })
  .meta({ description: "What a pod may carry only if a HookGrant covers it." });

const request = z
  .object({
    annotation: z
      .string()
      .min(3)
      .max(253)
      .meta({
        description:
          "The annotation by which a pod asks, `P/N`. It and its form per container, `N.P/<container>`, are protected.",
        ...rules(
          {
            rule: 'self.matches(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")',
            message: "must be a prefix, a slash and a name, in lower case: `example.com/cpu-isolation`",
          },
          {
            rule: `self != "${GRANT_ANNOTATION}"`,
            message: `${GRANT_ANNOTATION} is written by the webhook alone`,
          },
        ),
      }),
    runtimeClassName: dnsSubdomain(
      "The RuntimeClass set on a pod that asks, is granted and names none.",
    ).optional(),
  })
  .meta({ description: "How a pod asks for what is protected." });

const requires = z
  .object({
    qosClass: z
      .enum(["Guaranteed"])
      .optional()
      .meta({ description: "The quality of service class of the pod." }),
    exclusiveCPUs: z.boolean().optional().meta({
      description: "At least one container that asks has whole CPUs, with requests equal to limits.",
    }),
  })
  .meta({ description: "What a pod that asks must be, so that asking has an effect." });

const spec = z
  .object({
    protects,
    request: request.optional(),
    requires: requires.optional(),
    enforcement: z
      .enum(["Enforce", "Warn", "Audit"])
      .default("Enforce")
      .meta({ description: "Enforce refuses, Warn admits with a warning, Audit admits and notes it." }),
  })
  .meta({
    description: "What is protected, and how a pod asks for it.",
    ...rules(
      {
        rule: "has(self.request) || (has(self.protects.runtimeHandlers) && size(self.protects.runtimeHandlers) > 0) || (has(self.protects.annotations) && size(self.protects.annotations) > 0)",
        message: "protects nothing: name a runtime handler, an annotation or a request",
      },
      {
        rule: "!has(self.requires) || has(self.request)",
        message: "requires is judged for pods that ask: it needs request",
      },
    ),
  });

const podReference = z.object({
  namespace: dnsLabel("The pod's namespace."),
  name: dnsSubdomain("The pod's name."),
});

const status = z
  .object({
    observedGeneration: observedGeneration.optional(),
    conditions: conditions.optional(),
    runtimeClasses: setOf(
      dnsSubdomain("A RuntimeClass."),
      256,
      "The RuntimeClasses that resolve to a protected handler.",
    ).optional(),
    unauthorized: z
      .object({
        count: count(2147483647, "How many pods."),
        pods: listMapOf(podReference, ["namespace", "name"], 20, "At most 20 of them.").optional(),
      })
      .optional()
      .meta({ description: "Running pods that use this profile and that no grant covers." }),
  })
  .meta({ description: "What the controller last saw." });

/** HookProfile: the source of its TypeScript type, its validator and its CRD. */
export const hookProfileSchema = z.object({ metadata: objectMeta, spec, status: status.optional() });
export type HookProfile = z.infer<typeof hookProfileSchema>;

/** The parts that make the CRD. */
export const hookProfileParts = { spec, status };
