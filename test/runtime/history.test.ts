import { describe, expect } from "@jest/globals";
import fc from "fast-check";
import { histories } from "../model/history.ts";
import { play } from "../model/play.ts";
import { testOn } from "../prerequisite.ts";
import { isolatedCpus, lacksV1 } from "./kernel.ts";
import { realMachine } from "./real-machine.ts";

// The same histories are played on cgroup v2 by a kernel of the tests' own (test/kernels).
describe("on this machine's cgroup v1", () => {
  testOn(lacksV1)(
    "any history that the model allows isolates what the living own, and ends as it began",
    async () => {
      expect(isolatedCpus()).toBe("");
      const machine = realMachine();
      try {
        await fc.assert(
          fc.asyncProperty(histories, (history) => play(machine, history)),
          { numRuns: 100, endOnFailure: true },
        );
      } finally {
        machine.close();
      }
      expect(isolatedCpus()).toBe("");
    },
    300_000,
  );
});
