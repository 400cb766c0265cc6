import * as z from "zod";
import { SchedgateError } from "../../common/errors.ts";
import type { Rules } from "../policy/decide.ts";
import type { Answer } from "./response.ts";
import type { AdmissionRequest } from "./review.ts";

const classSchema = z.object({ metadata: z.object({ name: z.string() }), handler: z.string() });

/** A RuntimeClass with a protected handler is nobody's way in, since the handler is what counts; whoever makes one should know. */
export function classAdvice({ profiles }: Rules, { object }: AdmissionRequest): Promise<Answer> {
  const parsed = classSchema.safeParse(object);
  if (!parsed.success)
    throw new SchedgateError("E_CLASS", "not a RuntimeClass: it has no name or no handler");
  const { metadata, handler } = parsed.data;
  const protecting = profiles.filter((each) => each.handlers.has(handler)).map((each) => each.name);
  const [first, ...others] = protecting;
  if (first === undefined) return Promise.resolve({});
  const more = others.length === 0 ? "" : ` and ${others.length} more`;
  const warning =
    `RuntimeClass ${metadata.name}: its handler ${handler} is protected by HookProfile ${first}${more}: ` +
    "pods that name this class need a HookGrant";
  return Promise.resolve({ warnings: [warning], audit: { profiles: protecting.join(",") } });
}
