import { chmod, writeFile } from "node:fs/promises";
import type { HostLayout } from "./layout.ts";
import type { Machine } from "./machine.ts";

/**
 * Whether runc cannot do here what CRI-O asks of it: lower an oom_score_adj, give a privileged container every
 * capability, or limit huge pages.
 */
export function needsLowLevelRuntime(machine: Machine): boolean {
  return !machine.lowersOomScore || !machine.hugetlb;
}

/**
 * A script that takes what this machine's kernel refuses out of a bundle's config.json (`create`) or a process file
 * (`exec --process`), then becomes runc. Each goes with the comma before or after it: none of them is ever alone in
 * what CRI-O writes.
 */
export function lowLevelRuntimeScript(runc: string): string {
  return `#!/bin/sh
spec= previous=
for argument do
  case $previous in
    --bundle|-b) spec=$argument/config.json ;;
    --process|-p) spec=$argument ;;
  esac
  previous=$argument
done
if [ -n "$spec" ]; then
  sed -i -zE \\
    -e 's/"oomScoreAdj":\\s*-?[0-9]+\\s*,//; s/,\\s*"oomScoreAdj":\\s*-?[0-9]+//' \\
    -e 's/"hugepageLimits":\\s*\\[[^]]*\\]\\s*,//; s/,\\s*"hugepageLimits":\\s*\\[[^]]*\\]//' \\
    -e 's/"CAP_SYS_RESOURCE"\\s*,//g; s/,\\s*"CAP_SYS_RESOURCE"//g' \\
    "$spec" || exit 1
fi
exec '${runc}' "$@"
`;
}

/** Writes the script where it is needed. Returns the path of the low-level runtime to use. */
export async function installLowLevelRuntime(layout: HostLayout, machine: Machine): Promise<string> {
  if (!needsLowLevelRuntime(machine)) return machine.runc;
  await writeFile(layout.lowLevelRuntime, lowLevelRuntimeScript(machine.runc));
  await chmod(layout.lowLevelRuntime, 0o755);
  return layout.lowLevelRuntime;
}
