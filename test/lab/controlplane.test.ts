import { expect, test } from "@jest/globals";
import { firstAddress } from "./controlplane.ts";
import { labName } from "./state.ts";

test("the Service kubernetes has the first address of the range", () => {
  expect(firstAddress("10.96.0.0/16")).toBe("10.96.0.1");
});

test.each(["10.96/16", "10.96.0.256/16", "fd00::/108", ""])("%j is not a range", (cidr) => {
  expect(() => firstAddress(cidr)).toThrow(`"${cidr}" is not an IPv4 range`);
});

test("a lab's name is a folder name of its own", () => {
  expect(labName(undefined, {})).toBe("lab");
  expect(labName(undefined, { SCHEDGATE_LAB: "mine" })).toBe("mine");
  expect(labName("asked", { SCHEDGATE_LAB: "mine" })).toBe("asked");
  expect(() => labName("../x", {})).toThrow('"../x" cannot name a lab');
});
