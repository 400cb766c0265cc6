import { type HostFs, readIfThere } from "../host/host-fs.ts";
import type { Backend, Claim, Proof } from "./backend.ts";
import type { Before } from "./before.ts";
import { type CpusetV2, EXCLUSIVE, PARTITION, flawV2, planV2 } from "./plan-v2.ts";
import { proofOf } from "./proof.ts";
import { fileIn } from "./step.ts";

/** cgroup v2 with `cpuset.cpus.exclusive` (kernel 6.11 and later): each claim's leaf is an isolated remote partition. */
export function backendV2(hostFs: HostFs, root: string): Backend {
  const read = (file: string): string | undefined => readIfThere(hostFs, `${root}/${file}`);
  return {
    name: "CgroupV2",
    root,
    cpusets: { version: "v2", root },
    survey: (claims, before) => {
      const view = readView(read, claims, before);
      const contents = new Map<string, string>();
      for (const [dir, cpuset] of view) {
        contents.set(fileIn(dir, EXCLUSIVE), cpuset.exclusive);
        contents.set(fileIn(dir, PARTITION), cpuset.partition);
      }
      const prove = (): Proof => {
        const source = read("cpuset.cpus.isolated") === undefined ? PARTITION : "cpuset.cpus.isolated";
        return proofOf(hostFs, claims, source, (claim) => flawV2(claim, read));
      };
      return { steps: planV2(claims, view, before), contents, watch: [...view.keys()], prove };
    },
    assumeBefore: (cgroups) =>
      new Map(
        cgroups.flatMap(withAncestors).flatMap((dir) => [
          [fileIn(dir, EXCLUSIVE), "\n"],
          [fileIn(dir, PARTITION), "member\n"],
        ]),
      ),
  };
}

function readView(
  read: (file: string) => string | undefined,
  claims: readonly Claim[],
  before: Before,
): Map<string, CpusetV2> {
  const touched = [...before.keys()].map((file) => file.slice(0, file.lastIndexOf("/")));
  const dirs = new Set([...claims.flatMap(({ cgroup }) => withAncestors(cgroup)), ...touched]);
  const view = new Map<string, CpusetV2>();
  for (const dir of dirs) {
    const exclusive = read(fileIn(dir, EXCLUSIVE));
    const partition = read(fileIn(dir, PARTITION));
    if (exclusive !== undefined && partition !== undefined) view.set(dir, { exclusive, partition });
  }
  return view;
}

// "a/b/c" gives "a", "a/b", "a/b/c"; the root has neither file and needs neither.
function withAncestors(dir: string): string[] {
  const parts = dir.split("/");
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}
