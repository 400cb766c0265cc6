import { describe, expect, test } from "@jest/globals";
import type { Owner } from "./owner.ts";
import { claimsOf } from "./reconcile.ts";

const owner = (id: string, cpus: string, pidStartTime: string, since = "1"): Owner => ({
  version: 1,
  id,
  namespace: "ns",
  pod: id,
  podUID: id,
  container: "c",
  cpus,
  cgroup: `kubepods/${id}`,
  pid: 1,
  pidStartTime,
  bootId: "b",
  since,
});

describe("claims", () => {
  test("are all owners with CPUs, where no two share one", () => {
    const { claims, superseded } = claimsOf([
      owner("a", "1", "1"),
      owner("b", "2-3", "2"),
      owner("c", "", "3"),
    ]);
    expect(claims.map(({ id }) => id).sort()).toEqual(["a", "b"]);
    expect(superseded).toEqual([]);
  });

  test("are the newest's, where an older container still runs on its CPUs", () => {
    const { claims, superseded } = claimsOf([owner("orphan", "1-2", "1"), owner("new", "2", "2")]);
    expect(claims.map(({ id }) => id)).toEqual(["new"]);
    expect(superseded).toEqual(["container orphan still runs on CPUs 1-2, which are new's now"]);
  });

  test("go by ticks since boot as numbers, whatever the wall clock said", () => {
    const { claims } = claimsOf([owner("orphan", "1", "999", "2026"), owner("new", "1", "1000", "2025")]);
    expect(claims.map(({ id }) => id)).toEqual(["new"]);
  });
});
