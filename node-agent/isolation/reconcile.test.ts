import { describe, expect, test } from "@jest/globals";
import type { Owner } from "./owner.ts";
import { claimsOf } from "./reconcile.ts";

const owner = (id: string, cpus: string, since: string): Owner => ({
  version: 1,
  id,
  namespace: "ns",
  pod: id,
  podUID: id,
  container: "c",
  cpus,
  cgroup: `kubepods/${id}`,
  pid: 1,
  pidStartTime: "1",
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
});
