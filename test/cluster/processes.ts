import { onNode } from "../demo/kernel.ts";
import type { Lab } from "../lab/lab.ts";

/** Processes on the node whose command line ends with this program. */
export async function pidsOf(lab: Lab, program: string): Promise<string[]> {
  const found = await onNode(
    lab,
    `for d in /proc/[0-9]*; do
      tr '\\0' ' ' < $d/cmdline 2>/dev/null | grep -q '${program} *$' && echo "\${d#/proc/}"
    done; true`,
  );
  return found.split("\n").filter((line) => line !== "");
}
