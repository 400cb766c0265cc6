import * as z from "zod";
import { instant, listMapOf } from "./scheme.ts";

/** What we read of an object's metadata; the rest of it passes through untouched. */
export const objectMeta = z.looseObject({
  name: z.string(),
  namespace: z.string().optional(),
  uid: z.string().optional(),
  generation: z.int().optional(),
  resourceVersion: z.string().optional(),
  creationTimestamp: z.string().nullish(),
  deletionTimestamp: z.string().nullish(),
  labels: z.record(z.string(), z.string()).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});
export type ObjectMeta = z.infer<typeof objectMeta>;

/** metav1.Condition, with its bounds. */
const condition = z
  .object({
    type: z.string().min(1).max(316).meta({ description: "What is judged, in CamelCase." }),
    status: z.enum(["True", "False", "Unknown"]).meta({ description: "Whether it holds." }),
    reason: z
      .string()
      .min(1)
      .max(1024)
      .regex(/^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/)
      .meta({ description: "Why, as one CamelCase word for programs." }),
    message: z.string().max(32768).meta({ description: "Why, for people." }),
    lastTransitionTime: instant("When the status last changed."),
    observedGeneration: z
      .int()
      .min(0)
      .optional()
      .meta({ description: "The metadata.generation that was judged.", format: "int64" }),
  })
  .meta({ description: "One aspect of the current state, as metav1.Condition." });
export type Condition = z.infer<typeof condition>;

/** The list of conditions of a status, one a type. */
export const conditions = listMapOf(condition, ["type"], 16, "Aspects of the current state, one a type.");

/** `status.observedGeneration`. */
export const observedGeneration = z
  .int()
  .min(0)
  .meta({ description: "The metadata.generation that this status is about.", format: "int64" });
