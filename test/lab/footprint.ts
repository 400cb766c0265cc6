import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { promisify } from "node:util";

const exec = promisify(execFile);

/** What a lab could leave on a machine, one line a thing. */
export type Footprint = ReadonlySet<string>;

/** Lists this machine's network links, packet filter chains, mounts, network namespaces, cgroups and long-lived programs. */
export async function footprint(): Promise<Footprint> {
  const parts = await Promise.all([
    lines("link", "ip", ["-o", "link"], (line) => line.split(": ")[1]?.split("@")[0]),
    lines("iptables rule", "iptables-save", [], ruleOf),
    lines("network namespace", "ip", ["netns", "list"], (line) => line.split(" ")[0]),
    mounts(),
    cgroups(),
    programs(),
  ]);
  return new Set(parts.flat());
}

/** What is there now and was not before, and the other way round; programs of others may end by themselves. */
export function difference(before: Footprint, after: Footprint): string[] {
  const added = [...after].filter((line) => !before.has(line));
  const gone = [...before].filter((line) => !after.has(line) && !line.startsWith("program "));
  return [...added, ...gone.map((line) => `missing: ${line}`)];
}

/**
 * A rule or chain of `iptables-save`, without counters. A built-in chain that accepts is none: the first call of iptables
 * makes it, it filters nothing, and iptables has no command to remove it.
 */
function ruleOf(line: string): string | undefined {
  return /^(:|-A)/.test(line) && !/^:\S+ ACCEPT /.test(line) ? line.replace(/ \[.*/, "") : undefined;
}

async function lines(
  kind: string,
  command: string,
  args: string[],
  name: (line: string) => string | undefined,
): Promise<string[]> {
  const { stdout } = await exec(command, args).catch((error: unknown) => {
    // A machine without the tool has none of what it lists.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { stdout: "" };
    throw error;
  });
  const names = stdout.split("\n").flatMap((line) => name(line) ?? []);
  return names.filter((each) => each !== "").map((each) => `${kind} ${each}`);
}

async function mounts(): Promise<string[]> {
  const text = await readFile("/proc/self/mountinfo", "utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => `mount ${line.split(" ")[4] ?? ""}`);
}

/** Only those that nodes make: others come and go with the machine's own services. */
async function cgroups(): Promise<string[]> {
  const { stdout } = await exec("find", ["/sys/fs/cgroup", "-maxdepth", "3", "-type", "d"]);
  return stdout
    .trim()
    .split("\n")
    .filter((line) => /kubepods|schedgate|crio|containerd|runc/.test(line))
    .map((line) => `cgroup ${line}`);
}

/** Programs by name only: their pids differ from run to run. */
async function programs(): Promise<string[]> {
  const names = /^(qemu-system|etcd$|kube-|kubelet|containerd|crio|conmon|runc)/;
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/stat`, "utf8").catch(() => "")), // it may have ended meanwhile
  );
  // "17 (etcd) S …"; a zombie has ended and only waits for its parent.
  const running = stats.map((stat) => /^\d+ \((.*)\) [^ZX] /.exec(stat)?.[1] ?? "");
  return running.filter((name) => names.test(name)).map((name) => `program ${name}`);
}
