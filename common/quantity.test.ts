import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ONE, parseQuantity, wholeUnits } from "./quantity.ts";

describe("a quantity", () => {
  test.each<[string | number, bigint]>([
    ["2", 2n * ONE],
    [2, 2n * ONE],
    ["0.5", ONE / 2n],
    [".5", ONE / 2n],
    ["1.", ONE],
    ["1500m", (ONE * 3n) / 2n],
    ["100n", 100n],
    ["0.1n", 1n],
    ["1u", 1000n],
    ["-1", -ONE],
    ["+1", ONE],
    ["1e3", 1000n * ONE],
    ["1E-3", ONE / 1000n],
    ["1E", 10n ** 18n * ONE],
    ["3k", 3000n * ONE],
    ["1Ki", 1024n * ONE],
    ["1.5Gi", 1610612736n * ONE],
    ["1Ei", 2n ** 60n * ONE],
  ])("%j is %s billionths", (written, size) => {
    expect(parseQuantity(written)).toBe(size);
  });

  test.each(["", "m", ".", "1K", "1ki", "1 ", "0x1", "1e", "1e99", "1m1", "--1", "1,5", "9".repeat(65)])(
    "refuses %j",
    (written) => {
      expect(() => parseQuantity(written)).toThrow("is not a quantity");
    },
  );

  test.each<[string, number | undefined]>([
    ["2", 2],
    ["2000m", 2],
    ["2.0", 2],
    ["1500m", undefined],
    ["0", 0],
  ])("%j holds whole CPUs: %j", (written, whole) => {
    expect(wholeUnits(parseQuantity(written))).toBe(whole);
  });

  test("in thousandths and in units is the same amount", () => {
    fc.assert(fc.property(fc.nat(), (cpus) => parseQuantity(`${String(cpus)}000m`) === parseQuantity(cpus)));
  });
});
