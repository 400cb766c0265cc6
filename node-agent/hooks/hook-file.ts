import * as z from "zod";
import type { Protection } from "../../common/api/protection.ts";
import { messageOf } from "../../common/errors.ts";
import { unprotected } from "./when.ts";

const regexes = z.record(z.string(), z.string());
const current = z.object({
  version: z.literal("1.0.0"),
  when: z.object({
    always: z.boolean().optional(),
    annotations: regexes.optional(),
    commands: z.array(z.string()).optional(),
    hasBindMounts: z.boolean().optional(),
  }),
});

const texts = z.union([z.string().transform((one) => [one]), z.array(z.string())]).optional();
const old = z.object({
  version: z.literal("0.1.0").optional(),
  cmd: texts,
  cmds: texts,
  annotation: texts,
  annotations: texts,
  hasbindmounts: z.boolean().optional(),
});

/**
 * Why pods can trigger the hook of a hooks.d file without a grant, undefined where they cannot. Both versions of the
 * format: podman-hooks(5), https://github.com/containers/common/blob/main/pkg/hooks/docs/oci-hooks.5.md.
 */
export function fileFlaw(text: string, protections: readonly Protection[]): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return `what triggers it cannot be told: ${messageOf(error)}`;
  }
  const known = current.safeParse(value);
  if (known.success) return unprotected(known.data.when, protections);
  const before = old.safeParse(value);
  if (before.success) return oldFlaw(before.data);
  return "what triggers it cannot be told: it is no hook of version 1.0.0 or 0.1.0";
}

// Version 0.1.0: any condition that is given is enough, and annotations are matched by their values alone.
function oldFlaw({ hasbindmounts, ...lists }: z.infer<typeof old>): string | undefined {
  const given = [lists.cmd, lists.cmds, lists.annotation, lists.annotations].flatMap((list) => list ?? []);
  if (given.length === 0 && hasbindmounts !== true) return undefined;
  return "version 0.1.0 of the format knows no annotation by its key: write it in version 1.0.0";
}
