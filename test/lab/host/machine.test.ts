import { describe, expect, test } from "@jest/globals";
import { hasCapability } from "./machine.ts";

describe("hasCapability", () => {
  test("finds a capability in the effective set only", () => {
    const status = "Name:\tx\nCapPrm:\t000001ffffffffff\nCapEff:\t000001fffeffffff\n";
    expect(hasCapability(status, 24n)).toBe(false);
    expect(hasCapability(status, 21n)).toBe(true);
  });

  test("refuses a text without one", () => {
    expect(() => hasCapability("Name:\tx\n", 24n)).toThrow("no CapEff");
  });
});
