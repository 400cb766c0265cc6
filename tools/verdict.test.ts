import { describe, expect, test } from "@jest/globals";
import { verdict } from "./verdict.ts";

const green = { passed: 7, failed: 0, skipped: 0 };
const skipping = { passed: 2, failed: 0, skipped: 3 };

describe("a run of the tests", () => {
  test("passes where all passed, and says so over all tiers", () => {
    expect(verdict([green, green], true)).toEqual({ line: "14 passed, 0 failed", passed: true });
  });

  test("fails where one failed, or none ran", () => {
    expect(verdict([green, { ...green, failed: 1 }], false)).toEqual({
      line: "14 passed, 1 failed",
      passed: false,
    });
    expect(verdict([], false).passed).toBe(false);
  });

  test("that skips some passes on a developer's machine, and fails in CI", () => {
    expect(verdict([green, skipping], false)).toEqual({
      line: "9 passed, 0 failed, 3 skipped",
      passed: true,
    });
    expect(verdict([green, skipping], true)).toEqual({
      line: "9 passed, 3 failed (3 of them skipped)",
      passed: false,
    });
  });
});
