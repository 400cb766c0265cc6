import { describe, expect, test } from "@jest/globals";
import type { Owner } from "../isolation/owner.ts";
import { isolatedCondition, podStates } from "./pod-state.ts";
import type { Snapshot } from "./snapshot.ts";

const owner = (id: string, more: Partial<Owner> = {}): Owner => ({
  version: 1,
  id,
  namespace: "trading",
  pod: "p",
  podUID: "u",
  container: id,
  cpus: "1",
  cgroup: "kubepods/x",
  pid: 1,
  pidStartTime: "1",
  bootId: "b",
  since: "2026-01-01T00:00:00.000Z",
  right: "HookGrant a",
  ...more,
});
const stateOf = (owners: Owner[], more: Partial<Snapshot> = {}) => {
  const claimed = owners.filter(({ cpus }) => cpus !== "").map(({ id }) => id);
  const proof = { source: "schedstat", missing: [] };
  const kernel = { backend: "CgroupV2" as const, kernelVersion: "6", onlineCPUs: "0-3", problems: [] };
  return podStates({ ...kernel, owners, claimed, proof, at: new Date(0), ...more }).get("u") ?? [];
};
const conditionOf = (...args: Parameters<typeof stateOf>) => isolatedCondition(stateOf(...args));

describe("a pod", () => {
  test("is isolated once each container with CPUs of its own is proven so, by right", () => {
    const shared = owner("s", { cpus: "", reason: "not whole" });
    expect(conditionOf([owner("a"), owner("b"), shared])).toMatchObject({
      status: "True",
      reason: "Isolated",
    });
  });

  test.each<[string, Owner, Partial<Snapshot>]>([
    ["IsolationRefused", owner("x", { cpus: "", refusal: "no grant" }), {}],
    ["IsolationFailed", owner("x", { failure: "EBUSY" }), {}],
    ["IsolationFailed", owner("x", { cpus: "", failure: "EBUSY" }), {}],
    ["IsolationFailed", owner("x"), { claimed: ["a"] }],
    [
      "IsolationFailed",
      owner("x"),
      { proof: { source: "schedstat", missing: [{ id: "x", why: "domain" }] } },
    ],
    ["IsolationFailed", owner("x"), { proof: { source: "", missing: [] } }],
    ["Pending", { ...owner("x"), right: undefined } as unknown as Owner, {}],
  ])("is not with a container that is %s", (reason, one, more) => {
    expect(conditionOf([owner("a"), one], more)).toMatchObject({ status: "False", reason });
  });

  test("is not where it has nothing to isolate", () => {
    expect(conditionOf([owner("s", { cpus: "", reason: "not whole" })])).toEqual({
      status: "False",
      reason: "NothingToIsolate",
      message: "container s: nothing to isolate: not whole",
    });
  });

  test("is one by its uid, and no container without a pod's name is", () => {
    expect(stateOf([owner("a"), owner("b", { podUID: "v" }), owner("c", { pod: "" })])).toHaveLength(1);
  });
});
