import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  type CpuSet,
  cpuSet,
  formatCpuSet,
  intersection,
  minus,
  parseCpuSet,
  union,
} from "../../common/cpuset.ts";
import type { Claim } from "./backend.ts";
import { CPUS, type CpusetV1, FLAG, HOUSEKEEPING, flawV1, planV1 } from "./plan-v1.ts";
import { type Step, fileIn } from "./step.ts";

const online = cpuSet([0, 1, 2, 3]);

/** The v1 cpuset tree and the sched domains that follow from it (cpusets.rst 1.7). */
class Kernel {
  readonly cpusets = new Map<string, CpusetV1>([["", { cpus: "0-3\n", flag: "1\n" }]]);

  add(dir: string, cpus: string): void {
    this.cpusets.set(dir, { cpus: `${cpus}\n`, flag: "1\n" });
  }

  take(step: Step): void {
    if (step.do === "rmdir") this.cpusets.delete(step.dir);
    else if (step.do === "mkdir") this.add(step.dir, "");
    else {
      const cut = step.file.lastIndexOf("/");
      const cpuset = this.cpusets.get(step.file.slice(0, Math.max(cut, 0)));
      if (cpuset === undefined) throw new Error(`ENOENT ${step.file}`);
      if (step.file.endsWith(FLAG)) cpuset.flag = step.text;
      else if (step.file.endsWith(CPUS)) cpuset.cpus = step.text;
    }
  }

  /** CPUs that some sched domain covers: all of them with the root's flag, else those of every flagged cpuset. */
  balanced(): CpuSet {
    if (this.cpusets.get("")?.flag === "1\n") return online;
    return union(
      ...[...this.cpusets.values()].filter(({ flag }) => flag === "1\n").map(({ cpus }) => parseCpuSet(cpus)),
    );
  }

  view(): { online: CpuSet; cpusets: Map<string, CpusetV1> } {
    return { online, cpusets: new Map([...this.cpusets].map(([dir, cpuset]) => [dir, { ...cpuset }])) };
  }
}

function reconcile(kernel: Kernel, claims: readonly Claim[], before: Map<string, string>): void {
  const view = kernel.view();
  for (const step of planV1(claims, view, before)) {
    if (step.do === "write" && step.own !== true && !before.has(step.file)) {
      before.set(
        step.file,
        view.cpusets.get(step.file.slice(0, Math.max(step.file.lastIndexOf("/"), 0)))?.flag ?? "",
      );
    }
    kernel.take(step);
  }
}

const claim = (cpus: number[]): Claim => ({ id: "c", cgroup: "kubepods/pod/c", cpus });

function node(): Kernel {
  const kernel = new Kernel();
  kernel.add("kubepods", "0-3");
  kernel.add("kubepods/other", "0-3");
  kernel.add("kubepods/pod", "0-3");
  kernel.add("kubepods/pod/c", "1");
  kernel.add("reserved", "0");
  return kernel;
}

describe("the housekeeping cpuset", () => {
  test("is ready before the root's one domain falls", () => {
    const steps = planV1([claim([1])], node().view(), new Map());
    expect(steps.slice(0, 2)).toEqual([
      { do: "mkdir", dir: HOUSEKEEPING },
      { do: "write", file: fileIn(HOUSEKEEPING, CPUS), text: "0,2-3\n", own: true },
    ]);
    expect(steps.at(-1)).toEqual({ do: "write", file: FLAG, text: "0\n" });
  });

  test("leaves a cpuset alone that overlaps no isolated CPU", () => {
    expect(
      planV1([claim([1])], node().view(), new Map())
        .map((step) => JSON.stringify(step))
        .join(),
    ).not.toContain("reserved");
  });

  test("is not made where every CPU is isolated", () => {
    const steps = planV1([claim([0, 1, 2, 3])], node().view(), new Map());
    expect(steps.some((step) => step.do === "mkdir")).toBe(false);
  });

  test("balances no CPU that an admin had taken out of balancing before us", () => {
    const kernel = node();
    kernel.take({ do: "write", file: FLAG, text: "0\n" });
    for (const dir of ["kubepods", "kubepods/other", "kubepods/pod", "kubepods/pod/c"]) {
      kernel.take({ do: "write", file: fileIn(dir, FLAG), text: "0\n" });
    }
    reconcile(kernel, [claim([1])], new Map());
    expect(kernel.balanced()).toEqual([0]);
  });
});

describe("a new cpuset", () => {
  test("is cleared while it has no CPUs yet, and is put back when it gets others than the isolated ones", () => {
    const kernel = node();
    const before = new Map<string, string>();
    reconcile(kernel, [claim([1])], before);
    kernel.add("kubepods/new", "");
    reconcile(kernel, [claim([1])], before);
    expect(kernel.cpusets.get("kubepods/new")?.flag).toBe("0\n");
    kernel.take({ do: "write", file: "kubepods/new/cpuset.cpus", text: "2\n" });
    reconcile(kernel, [claim([1])], before);
    expect(kernel.cpusets.get("kubepods/new")?.flag).toBe("1\n");
  });

  test("with all CPUs is a flaw that names it, until it is mended", () => {
    const kernel = node();
    const before = new Map<string, string>();
    reconcile(kernel, [claim([1])], before);
    kernel.add("kubepods/new", "0-3");
    expect(flawV1(claim([1]), kernel.view())).toBe("kubepods/new/cpuset.sched_load_balance is 1 over CPU 1");
    reconcile(kernel, [claim([1])], before);
    expect(flawV1(claim([1]), kernel.view())).toBeUndefined();
  });
});

describe("any history of claims and cpusets", () => {
  const turn = fc.record({
    cpus: fc.uniqueArray(fc.nat(3), { maxLength: 3 }),
    added: fc.option(fc.record({ name: fc.nat(3), cpus: fc.uniqueArray(fc.nat(3)) })),
    removed: fc.option(fc.nat(3)),
  });

  test("balances exactly the CPUs that nobody owns, and ends as it began", () => {
    fc.assert(
      fc.property(fc.array(turn, { maxLength: 20 }), (turns) => {
        const kernel = node();
        const start = JSON.stringify([...kernel.cpusets].sort());
        const before = new Map<string, string>();
        for (const { cpus, added, removed } of turns) {
          if (removed !== null) kernel.cpusets.delete(`kubepods/x${removed}`);
          if (added !== null) kernel.add(`kubepods/x${added.name}`, formatCpuSet(cpuSet(added.cpus)));
          const claims = cpus.length === 0 ? [] : [claim(cpus)];
          reconcile(kernel, claims, before);
          expect(kernel.balanced()).toEqual(minus(online, cpus));
          expect(intersection(kernel.balanced(), cpus)).toEqual([]);
          expect(planV1(claims, kernel.view(), before)).toEqual([]);
        }
        reconcile(kernel, [], before);
        for (let name = 0; name <= 3; name += 1) kernel.cpusets.delete(`kubepods/x${name}`);
        expect(JSON.stringify([...kernel.cpusets].sort())).toBe(start);
      }),
    );
  });
});
