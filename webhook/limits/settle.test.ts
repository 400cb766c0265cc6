import { describe, expect, test } from "@jest/globals";
import type { Holder, HookGrant } from "../../common/api/hookgrant.ts";
import type { PodRecord } from "../inventory/podrecord.ts";
import type { PodView } from "../inventory/pods.ts";
import { readProfile } from "../policy/profile.ts";
import { container, cpuIsolation, grantOf, holderOf, now, podOf } from "../policy/testing.ts";
import { holding, overdue, settledHolders } from "./settle.ts";

const profile = readProfile(cpuIsolation);
const old = new Date(now.getTime() - 60_000);
const young = new Date(now.getTime() - 59_999);

const annotations = { "schedgate.dev/cpu-isolation": "enabled" };
/** Asks no more, by which both its containers count. */
const silent = podOf({ uid: "a", name: "pod-a", containers: [container("main"), container("other")] });

function record(uid: string, changes: Partial<PodRecord> = {}, cpu = "2"): PodRecord {
  const pod = podOf({ uid, name: `pod-${uid}`, annotations, containers: [container("main", cpu)] });
  return { uid, finished: false, pod, grants: ["g"], ...changes };
}

function view(records: readonly PodRecord[], gone: readonly string[] = []): PodView {
  return {
    synced: true,
    lookup: (_, name) => records.find((each) => each.pod.name === name),
    isGone: (_, __, uid) => gone.includes(uid),
    naming: (grant) => records.filter((each) => each.grants.includes(grant)),
  };
}

function granting(...holders: Holder[]): HookGrant {
  return { ...grantOf("g", { limits: { pods: 1 } }), status: { holders } };
}

function settle(grant: HookGrant, pods: PodView, sure: readonly string[] = []): string[] {
  const options = { pods, profile, now, goneForSure: new Set(sure.map((uid) => holding("g", uid))) };
  return settledHolders(grant, options).map((each) => `${each.uid}:${String(each.isolatedCPUs)}`);
}

describe("a holder", () => {
  test.each<[string, Holder, PodView, string[], string[]]>([
    ["whose pod lives stays", holderOf("a", 2, old), view([record("a")]), [], ["a:2"]],
    [
      "whose pod finished goes, however young",
      holderOf("a", 2, now),
      view([record("a", { finished: true })]),
      [],
      [],
    ],
    ["whose pod was there and is gone goes", holderOf("a", 2, now), view([], ["a"]), [], []],
    ["that was never seen stays, however old", holderOf("a", 2, old), view([]), [], ["a:2"]],
    ["of which the API server says that it is gone goes", holderOf("a", 2, old), view([]), ["a"], []],
    [
      "is not taken for a pod of its name",
      holderOf("a", 2, old),
      view([{ ...record("b", { grants: [] }), pod: podOf({ name: "pod-a" }) }]),
      [],
      ["a:2"],
    ],
    ["whose pod became smaller holds less", holderOf("a", 4, old), view([record("a")]), [], ["a:2"]],
    [
      "that grew a moment ago keeps that, though its pod is not seen to",
      holderOf("a", 4, young),
      view([record("a")]),
      [],
      ["a:4"],
    ],
    [
      "whose pod takes more holds that, whatever a late view said",
      holderOf("a", 2, old),
      view([record("a", {}, "4")]),
      [],
      ["a:4"],
    ],
    [
      "whose pod stopped asking holds no more for it",
      holderOf("a", 2, old),
      view([record("a", { pod: silent })]),
      [],
      ["a:2"],
    ],
  ])("%s", (_, ...[holder, pods, sure, held]) => {
    expect(settle(granting(holder), pods, sure)).toEqual(held);
  });
});

test("a pod that never came to another grant holds what it has of this one", () => {
  const goneForSure = new Set([holding("another", "a")]);
  const options = { pods: view([record("a")]), profile, now, goneForSure };
  expect(settledHolders(granting(holderOf("a", 2, old)), options)).toHaveLength(1);
});

test("whoever names the grant holds room of it, whatever the limit", () => {
  const pods = view([
    record("a"),
    record("b", {}, "4"),
    record("c", { finished: true }),
    record("d", { grants: [] }),
  ]);
  expect(settle(granting(), pods)).toEqual(["a:2", "b:4"]);
});

test("the API server is asked only about those that are late and not seen to hold anything", () => {
  const holders = [holderOf("seen", 1, old), holderOf("young", 1, young), holderOf("late", 1, old)];
  const also = [holderOf("gone", 1, old), holderOf("nameless", 1, old)];
  const pods = view([record("seen"), record("nameless", { grants: [] })], ["gone"]);
  expect(overdue(granting(...holders, ...also), pods, now).map((each) => each.uid)).toEqual([
    "late",
    "nameless",
  ]);
});
