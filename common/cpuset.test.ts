import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  cpuSet,
  formatCpuSet,
  intersection,
  isSubset,
  minus,
  parseCpuSet,
  sameCpus,
  union,
} from "./cpuset.ts";

const sets = fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 60 }).map(cpuSet);

describe("the kernel's list format", () => {
  test.each([
    ["", []],
    ["\n", []],
    ["0", [0]],
    ["0-3,6\n", [0, 1, 2, 3, 6]],
    ["6,0-1,1-2", [0, 1, 2, 6]],
  ])("reads %j", (text, cpus) => {
    expect(parseCpuSet(text)).toEqual(cpus);
  });

  test.each(["a", "1-", "-1", "3-1", "1,,2", "0x1", "0-8192", "1 2", "99999"])(
    "refuses %j by name",
    (text) => {
      expect(() => parseCpuSet(text)).toThrow(`"${text}" is not a CPU list`);
    },
  );

  test("writes what it reads back, in the shortest form", () => {
    expect(formatCpuSet([0, 1, 2, 3, 6])).toBe("0-3,6");
    fc.assert(fc.property(sets, (set) => sameCpus(parseCpuSet(formatCpuSet(set)), set)));
  });
});

describe("set algebra", () => {
  test("minus and intersection split a set, union joins it again", () => {
    fc.assert(
      fc.property(sets, sets, (a, b) => {
        expect(union(minus(a, b), intersection(a, b))).toEqual(a);
        expect(isSubset(a, union(a, b))).toBe(true);
        expect(intersection(minus(a, b), b)).toEqual([]);
      }),
    );
  });
});
