import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { histories } from "../model/history.ts";
import { play } from "../model/play.ts";
import { isV1, isolatedCpus } from "./kernel.ts";
import { realMachine } from "./real-machine.ts";

// On cgroup v2 the same histories are for a kernel of the tests' own: systemd owns this machine's tree.
(isV1 ? describe : describe.skip)("on this machine's cgroup v1", () => {
  test("any history that the model allows isolates what the living own, and ends as it began", async () => {
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
  }, 300_000);
});
