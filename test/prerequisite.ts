import { test } from "@jest/globals";

/**
 * Tests that need something of the machine: under `CI=true` what is missing fails, elsewhere the test is skipped and its name
 * says why. `lacking` is the reason, or undefined where all is there.
 */
export function testOn(
  lacking: string | undefined,
): (name: string, body: () => Promise<void>, timeoutMs: number) => void {
  return (name, body, timeoutMs) => {
    if (lacking === undefined) test(name, body, timeoutMs);
    else if (process.env["CI"] === "true")
      test(name, () => Promise.reject(new Error(`CI lacks: ${lacking}`)));
    else test.skip(`${name} (skipped: ${lacking})`, body);
  };
}

/** Why a node can't be brought up here, or undefined. */
export function lacksNode(): string | undefined {
  if (process.platform !== "linux") return `the lab needs Linux, this is ${process.platform}`;
  return process.getuid?.() === 0 ? undefined : "the lab's nodes need root";
}
