// Notes each test that begins: one whose surroundings never stood fails without having begun.
import { appendFileSync } from "node:fs";
import { beforeEach, expect } from "@jest/globals";

beforeEach(() => {
  appendFileSync(`${import.meta.dirname}/began.txt`, `${expect.getState().currentTestName ?? ""}\n`);
});
