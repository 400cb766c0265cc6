import { describe, test } from "@jest/globals";
import fc from "fast-check";
import { histories } from "./history.ts";
import { kernelV1 } from "./kernel-v1.ts";
import { kernelV2 } from "./kernel-v2.ts";
import { modelMachine } from "./model-machine.ts";
import { play } from "./play.ts";

describe.each([
  ["v1", kernelV1],
  ["v2", kernelV2],
])("on cgroup %s, any history of starts, ends, late and missing deletes, kills and reboots", (_, kernel) => {
  test("isolates exactly what the living own, writes nothing else, and ends as it began", async () => {
    await fc.assert(
      fc.asyncProperty(histories, (history) => play(modelMachine(kernel), history)),
      { numRuns: 500 },
    );
  }, 120_000);
});
