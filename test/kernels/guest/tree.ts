import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Host, ROOT } from "./host.ts";

/** cgroup v1: a cpuset with its parents, each that has no CPUs yet with its parent's, as a kubelet makes its pods'. */
export function makeCpusets(root: string, dir: string): void {
  const parts = dir.split("/");
  for (const [index] of parts.entries()) {
    const level = join(root, ...parts.slice(0, index + 1));
    mkdirSync(level, { recursive: true });
    if (readFileSync(join(level, "cpuset.cpus"), "utf8").trim() !== "") continue;
    for (const name of ["cpuset.mems", "cpuset.cpus"])
      writeFileSync(join(level, name), readFileSync(join(level, "..", name)));
  }
}

/** The roots of all hierarchies that systemd mounted. */
export function hierarchies({ version, root }: Host): string[] {
  if (version === "v2") return [root];
  const mounted = readdirSync(ROOT, { withFileTypes: true });
  // Others are links to these: cpu to cpu,cpuacct.
  return mounted.filter((entry) => entry.isDirectory()).map(({ name }) => join(ROOT, name));
}
