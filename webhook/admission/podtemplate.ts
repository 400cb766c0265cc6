import * as z from "zod";

const template = z.looseObject({ metadata: z.looseObject({}).nullish(), spec: z.looseObject({}) });
const withTemplate = z.object({ template });

/** The pod template in the spec of a workload, whichever of the built-in kinds it is. */
export const podTemplateSchema = z
  .union([
    withTemplate,
    z.object({ jobTemplate: z.object({ spec: withTemplate }) }).transform((each) => each.jobTemplate.spec),
  ])
  .transform((each) => each.template);
