import { expect, test } from "@jest/globals";
import { cell } from "./table.ts";

const table = [
  "NAME       BACKEND    ISOLATED-CPUS   READY   ISOLATED   DEGRADED   AGE",
  "lab-node   CgroupV2   1-2             True    False      False      10s",
  "",
].join("\n");
const none = table.replace("1-2", "   ");

test("a cell of kubectl's table is found by its heading, also an empty one", () => {
  expect(cell(table, "ISOLATED-CPUS")).toBe("1-2");
  expect(cell(none, "ISOLATED-CPUS")).toBe("");
  expect(cell(table, "ISOLATED")).toBe("False");
  expect(cell(table, "NAME")).toBe("lab-node");
  expect(cell(table, "AGE")).toBe("10s");
  expect(cell("", "AGE")).toBe("");
  expect(() => cell(table, "CPUS")).toThrow("no column CPUS");
});
