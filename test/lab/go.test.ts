import { expect, test } from "@jest/globals";
import { tooOld } from "./go.ts";

test.each([
  ["go1.26.8\nlocal\n", undefined],
  ["go1.27rc1\nlocal\n", undefined],
  ["go1.24.4\nauto\n", undefined],
  ["go1.24.4\ngo1.25.1+auto\n", undefined],
  ["go1.24.4\nlocal\n", "go1.24.4 is too old"],
  ["go1.19.8\n\n", "go1.19.8 is too old"],
  ["", "this Go is too old"],
])("Go builds Kubernetes if it is 1.26, or may fetch it: %j", (environment, why) => {
  expect(tooOld(environment)).toBe(why);
});
