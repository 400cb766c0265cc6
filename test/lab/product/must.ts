import type { Lab } from "../types.ts";

/** kubectl that must succeed; gives its standard output. */
export async function must(lab: Lab, args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await lab.kubectl(args, input);
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${stderr.trim() || stdout.trim()}`);
  return stdout;
}
