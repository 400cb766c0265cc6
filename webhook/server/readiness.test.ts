import { expect, test } from "@jest/globals";
import { now } from "../policy/testing.ts";
import { readiness } from "./readiness.ts";
import type { ReadinessOptions } from "./readiness.ts";

const current = { certificate: "the leaf", key: "" };
const ready = {
  inventory: { whyNotSynced: (): string | undefined => undefined },
  configurations: { synced: true, trusts: (): boolean => true },
  certificate: { current },
  controller: { settled: true },
  clock: { now: () => now },
  ending: AbortSignal.any([]),
} satisfies ReadinessOptions;

test("a replica is ready once its caches, the live configurations and its certificate are right", () => {
  const asked: unknown[] = [];
  const trusts = (...args: unknown[]): boolean => asked.push(args) > 0;
  const whyNotReady = readiness({ ...ready, configurations: { synced: true, trusts } });
  expect(whyNotReady()).toBeUndefined();
  // It is its own certificate that must be trusted, and now.
  expect(asked).toEqual([["the leaf", now]]);
});

test.each<[string, Partial<ReadinessOptions>, string]>([
  ["is told to end", { ending: AbortSignal.abort() }, "shutting down"],
  ["does not know what it judges by", { inventory: { whyNotSynced: () => "no grants" } }, "no grants"],
  [
    "does not know the live configurations",
    { configurations: { ...ready.configurations, synced: false } },
    "not in step with the API server: webhook configurations",
  ],
  [
    "has not seen them right",
    { controller: { settled: false } },
    "the live webhook configurations are not yet written",
  ],
  [
    "has no certificate",
    { certificate: { current: undefined } },
    "the live webhook configurations do not trust this replica's certificate yet",
  ],
  [
    "has a certificate that they do not trust",
    { configurations: { synced: true, trusts: () => false } },
    "the live webhook configurations do not trust this replica's certificate yet",
  ],
])("a replica that %s is not", (_, more, why) => {
  expect(readiness({ ...ready, ...more })()).toBe(why);
});

test("a replica that was ready says at each question how it is now", () => {
  const controller = { settled: true };
  const configurations = { synced: true, trusted: true, trusts: () => configurations.trusted };
  const whyNotReady = readiness({ ...ready, controller, configurations });
  expect(whyNotReady()).toBeUndefined();
  configurations.trusted = false;
  expect(whyNotReady()).toContain("do not trust");
});
