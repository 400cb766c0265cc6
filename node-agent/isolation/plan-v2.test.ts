import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  type CpuSet,
  formatCpuSet,
  intersection,
  isSubset,
  parseCpuSet,
  union,
} from "../../common/cpuset.ts";
import type { Claim } from "./backend.ts";
import { EXCLUSIVE, PARTITION, flawV2, planV2 } from "./plan-v2.ts";
import type { Step } from "./step.ts";

interface Cpuset {
  exclusive: CpuSet;
  partition: string;
}

/** The kernel's rules for remote partitions as far as the plan relies on them (cgroup-v2.rst, and seen on 6.12). */
class Kernel {
  readonly cpusets = new Map<string, Cpuset>();
  /** Leaves that were isolated and became invalid while somebody wanted them. */
  readonly killed: string[] = [];

  add(dir: string): void {
    this.cpusets.set(dir, { exclusive: [], partition: "member" });
  }

  /** Removing a cgroup ends its partition; the ancestors keep their lists. */
  remove(dir: string): void {
    this.cpusets.delete(dir);
  }

  take(step: Step): void {
    if (step.do !== "write") throw new Error("a v2 plan only writes");
    const cut = step.file.lastIndexOf("/");
    const [dir, name] = [step.file.slice(0, cut), step.file.slice(cut + 1)];
    const cpuset = this.cpusets.get(dir);
    if (cpuset === undefined) throw new Error(`ENOENT ${step.file}`);
    if (name === EXCLUSIVE) this.setExclusive(dir, cpuset, parseCpuSet(step.text));
    else this.setPartition(dir, cpuset, step.text.trim());
  }

  private setExclusive(dir: string, cpuset: Cpuset, cpus: CpuSet): void {
    const parent = dir.slice(0, dir.lastIndexOf("/") + 1);
    for (const [other, { exclusive }] of this.cpusets) {
      const sibling = other !== dir && other.startsWith(parent) && !other.slice(parent.length).includes("/");
      if (sibling && intersection(exclusive, cpus).length > 0)
        throw new Error(`EINVAL ${dir} overlaps ${other}`);
    }
    cpuset.exclusive = cpus;
    for (const [leaf, now] of this.cpusets) {
      if (now.partition === "isolated" && !this.valid(leaf)) {
        now.partition = "isolated invalid (Parent is not a partition root)";
        this.killed.push(leaf);
      }
    }
  }

  private setPartition(dir: string, cpuset: Cpuset, state: string): void {
    if (state === "member") cpuset.partition = "member";
    // A write of the state it already has does nothing: an invalid partition stays invalid.
    else if (cpuset.partition === "member") {
      cpuset.partition = this.valid(dir) ? "isolated" : "isolated invalid (invalid cpu list)";
    }
  }

  private valid(leaf: string): boolean {
    const own = this.cpusets.get(leaf)?.exclusive ?? [];
    const above = [...this.cpusets].filter(([dir]) => leaf.startsWith(`${dir}/`));
    return own.length > 0 && above.every(([, { exclusive }]) => isSubset(own, exclusive));
  }

  view(): Map<string, { exclusive: string; partition: string }> {
    const raw = ({ exclusive, partition }: Cpuset): { exclusive: string; partition: string } => ({
      exclusive: `${formatCpuSet(exclusive)}\n`,
      partition: `${partition}\n`,
    });
    return new Map([...this.cpusets].map(([dir, cpuset]) => [dir, raw(cpuset)]));
  }

  read(file: string): string | undefined {
    if (file === "cpuset.cpus.isolated") {
      const isolated = [...this.cpusets.values()].filter(({ partition }) => partition === "isolated");
      return formatCpuSet(union(...isolated.map(({ exclusive }) => exclusive)));
    }
    const cpuset = this.cpusets.get(file.slice(0, file.lastIndexOf("/")));
    if (cpuset === undefined) return undefined;
    return file.endsWith(PARTITION) ? cpuset.partition : formatCpuSet(cpuset.exclusive);
  }
}

/** One reconcile, as reconcile.ts does it: originals are kept before the first write. */
function reconcile(kernel: Kernel, claims: readonly Claim[], before: Map<string, string>): void {
  const view = kernel.view();
  const steps = planV2(claims, view, before);
  for (const step of steps) {
    if (step.do !== "write" || before.has(step.file)) continue;
    const cpuset = view.get(step.file.slice(0, step.file.lastIndexOf("/")));
    before.set(step.file, (step.file.endsWith(PARTITION) ? cpuset?.partition : cpuset?.exclusive) ?? "");
  }
  for (const step of steps) kernel.take(step);
}

const claim = (pod: number, cpus: number[]): Claim => ({
  id: `c${pod}`,
  cgroup: `kubepods/pod${pod}/c`,
  cpus,
});

function podDirs(pod: number): string[] {
  return [`kubepods/pod${pod}`, `kubepods/pod${pod}/c`];
}

function addPod(kernel: Kernel, pod: number): void {
  for (const dir of podDirs(pod)) if (!kernel.cpusets.has(dir)) kernel.add(dir);
}

function removePod(kernel: Kernel, pod: number): void {
  for (const dir of podDirs(pod)) kernel.remove(dir);
}

function node(pods: number): Kernel {
  const kernel = new Kernel();
  kernel.add("kubepods");
  for (let pod = 0; pod < pods; pod += 1) addPod(kernel, pod);
  return kernel;
}

describe("a remote partition", () => {
  test("is made by lists from the top down, then the leaf's state", () => {
    const steps = planV2([claim(0, [1, 2])], node(1).view(), new Map());
    expect(steps).toEqual([
      { do: "write", file: "kubepods/cpuset.cpus.exclusive", text: "1-2\n" },
      { do: "write", file: "kubepods/pod0/cpuset.cpus.exclusive", text: "1-2\n" },
      { do: "write", file: "kubepods/pod0/c/cpuset.cpus.exclusive", text: "1-2\n" },
      { do: "write", file: "kubepods/pod0/c/cpuset.cpus.partition", text: "isolated\n" },
    ]);
  });

  test("that became invalid is made anew once its ancestors hold its CPUs again", () => {
    const kernel = node(1);
    const before = new Map<string, string>();
    reconcile(kernel, [claim(0, [1])], before);
    kernel.take({ do: "write", file: `kubepods/${EXCLUSIVE}`, text: "\n" });
    expect(kernel.read(`kubepods/pod0/c/${PARTITION}`)).toContain("invalid");
    reconcile(kernel, [claim(0, [1])], before);
    expect(kernel.read(`kubepods/pod0/c/${PARTITION}`)).toBe("isolated");
  });

  test("of a new pod takes over CPUs whose last owner is dead but whose cgroup is still there", () => {
    const kernel = node(2);
    const before = new Map<string, string>();
    reconcile(kernel, [claim(0, [1, 2])], before);
    reconcile(kernel, [claim(1, [1, 2])], before);
    expect(flawV2(claim(1, [1, 2]), (file) => kernel.read(file))).toBeUndefined();
    expect(kernel.cpusets.get("kubepods/pod0/c")).toEqual({ exclusive: [], partition: "member" });
  });

  test("leaves an ancestor's own list as an admin made it", () => {
    const kernel = node(1);
    kernel.take({ do: "write", file: `kubepods/${EXCLUSIVE}`, text: "5\n" });
    const before = new Map<string, string>();
    reconcile(kernel, [claim(0, [1])], before);
    expect(kernel.cpusets.get("kubepods")?.exclusive).toEqual([1, 5]);
    reconcile(kernel, [], before);
    expect(kernel.cpusets.get("kubepods")?.exclusive).toEqual([5]);
  });

  test.each([
    ["kept by a sibling", "1\n", "1-2\n", "CPUs 2 are not in cpuset.cpus.exclusive.effective"],
    ["not in the root's list", "1-2\n", "1\n", "CPUs 2 are not in the root's cpuset.cpus.isolated"],
  ])("that reads isolated is flawed where a CPU of its is %s", (_, effective, root, flaw) => {
    const read = (file: string): string =>
      file.endsWith(PARTITION) ? "isolated\n" : file.endsWith(".effective") ? effective : root;
    expect(flawV2(claim(0, [1, 2]), read)).toBe(flaw);
  });

  test("whose cgroup is not there is not planned, and its flaw says so", () => {
    expect(planV2([claim(3, [1])], node(1).view(), new Map())).toEqual([]);
    expect(flawV2(claim(3, [1]), () => undefined)).toContain("no such file");
  });
});

describe("what the kernel says of a leaf whose CPUs all lists show", () => {
  const read =
    (partition: string) =>
    (file: string): string =>
      file.endsWith(PARTITION) ? partition : "1-2\n";

  test("is no flaw where it reads exactly isolated", () => {
    expect(flawV2(claim(0, [1, 2]), read("isolated\n"))).toBeUndefined();
  });

  test.each([
    "isolated invalid (Parent is not a partition root)",
    "isolated invalid (Cpu list in cpuset.cpus not exclusive)",
    "root",
    "member",
    "",
  ])('is a flaw in its own words where it reads "%s"', (text) => {
    const flaw = flawV2(claim(0, [1, 2]), read(`${text}\n`));
    expect(flaw).toBe(`kubepods/pod0/c/${PARTITION} reads "${text}"`);
  });
});

// Pods come and go in any order, with the CPU each got; a cgroup may outlive its container, or be gone at once.
const turns = fc.array(fc.record({ pod: fc.nat(5), cpu: fc.nat(3), cgroupStays: fc.boolean() }), {
  maxLength: 40,
});

describe("any history of containers", () => {
  test("never kills a live partition, isolates each live owner, and ends as it began", () => {
    fc.assert(
      fc.property(turns, (history) => {
        const kernel = node(6);
        const start = JSON.stringify([...kernel.view()].sort());
        const before = new Map<string, string>();
        const live = new Map<number, Claim>();
        for (const { pod, cpu, cgroupStays } of history) {
          const taken = [...live.values()].some(({ cpus }) => cpus.includes(cpu));
          if (live.delete(pod)) {
            if (!cgroupStays) removePod(kernel, pod);
          } else if (!taken) {
            addPod(kernel, pod);
            live.set(pod, claim(pod, [cpu]));
          }
          reconcile(kernel, [...live.values()], before);
          for (const owner of live.values())
            expect(flawV2(owner, (file) => kernel.read(file))).toBeUndefined();
          expect(planV2([...live.values()], kernel.view(), before)).toEqual([]);
        }
        expect(kernel.killed).toEqual([]);
        reconcile(kernel, [], before);
        for (let pod = 0; pod < 6; pod += 1)
          if (!kernel.cpusets.has(`kubepods/pod${pod}`)) addPod(kernel, pod);
        expect(JSON.stringify([...kernel.view()].sort())).toBe(start);
      }),
    );
  });

  test("killed after any number of writes is put right by the next reconcile", () => {
    fc.assert(
      fc.property(fc.nat(12), fc.nat(12), (first, second) => {
        const kernel = node(2);
        const before = new Map<string, string>();
        const partly = (claims: Claim[], count: number): void => {
          const view = kernel.view();
          const steps = planV2(claims, view, before);
          for (const step of steps) {
            if (step.do === "write" && !before.has(step.file)) {
              before.set(step.file, step.file.endsWith(PARTITION) ? "member\n" : "\n");
            }
          }
          for (const step of steps.slice(0, count)) kernel.take(step);
        };
        partly([claim(0, [1])], first);
        partly([claim(1, [1])], second);
        reconcile(kernel, [claim(1, [1])], before);
        expect(flawV2(claim(1, [1]), (file) => kernel.read(file))).toBeUndefined();
        reconcile(kernel, [], before);
        expect([...kernel.cpusets.values()].every(({ exclusive }) => exclusive.length === 0)).toBe(true);
      }),
    );
  });
});
