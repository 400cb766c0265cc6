import { appendFileSync } from "node:fs";
import type { AggregatedResult, Reporter } from "@jest/reporters";

/** What one jest run counted. A suite that did not even load counts as one failure. */
export interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

/** Appends the counts of its run as one JSON line to the file named by SCHEDGATE_TEST_COUNTS. */
export default class CountReporter implements Pick<Reporter, "onRunComplete"> {
  onRunComplete(_contexts: unknown, results: AggregatedResult): void {
    const file = process.env["SCHEDGATE_TEST_COUNTS"];
    if (file === undefined) return;
    const count: Count = {
      passed: results.numPassedTests,
      failed: results.numFailedTests + results.numRuntimeErrorTestSuites,
      skipped: results.numPendingTests + results.numTodoTests,
    };
    appendFileSync(file, `${JSON.stringify(count)}\n`);
  }
}
