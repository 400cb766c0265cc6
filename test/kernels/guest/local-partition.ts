import { equal, match, throws } from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Host, becomes } from "./host.ts";

const LEVELS = ["kubepods", "kubepods/pod", "kubepods/pod/sandbox", "kubepods/pod/container"];

/**
 * Shows why cgroup v2 before kernel 6.7 is refused. Kernel 5.10 has no isolated partitions at all. Later ones make them only
 * below partition roots: a kubelet's cgroups are none, and where an admin made them so, the pod's sandbox needs a CPU of its pod.
 */
export async function tryLocalPartition(host: Host): Promise<void> {
  const at = (dir: string, file: string): string => join(host.root, dir, file);
  const set = (dir: string, file: string, text: string): void => {
    writeFileSync(at(dir, file), text);
  };
  const partition = (dir: string): string => readFileSync(at(dir, "cpuset.cpus.partition"), "utf8").trim();
  set("", "cgroup.subtree_control", "+cpuset");
  for (const [index, dir] of LEVELS.entries()) {
    mkdirSync(join(host.root, dir));
    if (index < 2) set(dir, "cgroup.subtree_control", "+cpuset");
  }
  const sandbox = spawn("sleep", ["1000"], { stdio: "ignore" });
  try {
    set("kubepods/pod/sandbox", "cgroup.procs", String(sandbox.pid));
    set("kubepods/pod/container", "cpuset.cpus", "1-2");
    const isolate = (): void => {
      set("kubepods/pod/container", "cpuset.cpus.partition", "isolated");
    };
    if (hasNoIsolatedState()) {
      throws(isolate, { code: "EINVAL" });
      return;
    }
    isolate();
    match(partition("kubepods/pod/container"), /^isolated invalid \(Parent is not a partition root\)/);
    set("kubepods/pod/container", "cpuset.cpus.partition", "member");
    for (const [dir, cpus] of [
      ["kubepods", "1-3"],
      ["kubepods/pod", "1-2"],
    ] as const) {
      set(dir, "cpuset.cpus", cpus);
      set(dir, "cpuset.cpus.partition", "root");
      equal(partition(dir), "root");
    }
    isolate();
    match(partition("kubepods/pod/container"), /^isolated invalid/);
  } finally {
    sandbox.kill("SIGKILL");
    await becomes("the sandbox has ended", "", () =>
      readFileSync(at("kubepods/pod/sandbox", "cgroup.procs"), "utf8"),
    );
    for (const dir of LEVELS.toReversed()) rmdirSync(join(host.root, dir));
  }
}

// The state came with kernel 6.1.
function hasNoIsolatedState(): boolean {
  return readFileSync("/proc/sys/kernel/osrelease", "utf8").startsWith("5.");
}
