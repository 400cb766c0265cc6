import { expect, test } from "@jest/globals";
import { cpusWithoutDomain } from "./schedstat.ts";

test("a CPU without a domain line is out of load balancing", () => {
  const text = [
    "version 17",
    "timestamp 4294903",
    "cpu0 0 0 0 0 0 0 1 2 3",
    "domain0 PKG 9 0 0",
    "cpu1 0 0 0 0 0 0 1 2 3",
    "cpu2 0 0 0 0 0 0 1 2 3",
    "cpu10 0 0 0 0 0 0 1 2 3",
    "domain0 MC 400 0 0",
    "domain1 PKG 400 0 0",
  ].join("\n");
  expect(cpusWithoutDomain(text)).toEqual([1, 2]);
});
