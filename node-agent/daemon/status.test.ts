import { describe, expect, test } from "@jest/globals";
import { nodeIsolationParts } from "../../common/api/nodeisolation.ts";
import type { Owner } from "../isolation/owner.ts";
import type { Snapshot } from "./snapshot.ts";
import { sameStatus, statusOf } from "./status.ts";

const owner = (id: string, more: Partial<Owner> = {}): Owner => ({
  version: 1,
  id,
  namespace: "trading",
  pod: `pod-${id}`,
  podUID: "u",
  container: "main",
  cpus: "1-2",
  cgroup: "kubepods/x",
  pid: 1,
  pidStartTime: "1",
  bootId: "b",
  since: "2026-01-01T00:00:00.000Z",
  ...more,
});
const snapshot = (more: Partial<Snapshot> = {}): Snapshot => ({
  backend: "CgroupV2",
  kernelVersion: "6.12.1",
  onlineCPUs: "0-3",
  owners: [owner("a")],
  claimed: ["a"],
  proof: { source: "schedstat", missing: [] },
  problems: [],
  at: new Date("2026-06-01T00:00:00Z"),
  ...more,
});
const here = { installed: true, runtime: "containerd://2.1" };

function conditions(of: Snapshot, node = here): Record<string, string> {
  const all = statusOf(of, node, []).conditions ?? [];
  return Object.fromEntries(
    all.map(({ type, status, reason, message }) => [type, `${status} ${reason}: ${message}`]),
  );
}

describe("the status of a NodeIsolation", () => {
  test("fits the schema, and names what is proven isolated and whose it is", () => {
    const status = statusOf(snapshot(), here, []);
    expect(nodeIsolationParts.status.parse(status)).toEqual(status);
    expect(status).toMatchObject({
      isolatedCPUs: "1-2",
      owners: [{ containerID: "a", pod: "pod-a", cpus: "1-2" }],
    });
  });

  test("holds no CPU that is not proven, and says why", () => {
    const unproven = snapshot({ proof: { source: "schedstat", missing: [{ id: "a", why: "a domain" }] } });
    expect(statusOf(unproven, here, [])).toMatchObject({ isolatedCPUs: "", owners: [] });
    expect(conditions(unproven)["Isolated"]).toBe("False NotProven: trading/pod-a/main: a domain");
  });

  test.each<[string, Partial<Snapshot>, string, string]>([
    [
      "no back-end",
      { backend: "None", problems: ["too old"], proof: { source: "", missing: [] } },
      "Ready",
      "False NoBackend: too old",
    ],
    ["no owner", { owners: [], claimed: [] }, "Isolated", "True NoneHeld: 0 containers hold isolated CPUs"],
    [
      "a container without CPUs of its own",
      { owners: [owner("a"), owner("b", { cpus: "", reason: "not Guaranteed" })] },
      "Isolated",
      "True Proven: 1 containers hold isolated CPUs; without CPUs of their own: trading/pod-b/main: not Guaranteed",
    ],
    ["a problem", { problems: ["EINVAL"] }, "Degraded", "True NeedsAttention: EINVAL"],
    [
      "a start without isolation",
      { owners: [owner("a", { failure: "EBUSY" })] },
      "Degraded",
      "True NeedsAttention: trading/pod-a/main was started without isolation: EBUSY",
    ],
    [
      "a container without right",
      { owners: [owner("a", { cpus: "", refusal: "no grant" })], claimed: [] },
      "Degraded",
      "True NeedsAttention: trading/pod-a/main asks for isolation and runs without it: no grant",
    ],
  ])("with %s", (_, more, type, text) => {
    expect(conditions(snapshot(more))[type]).toBe(text);
  });

  test("names the hooks that nobody protects, and nothing where they are not known", () => {
    const observedHooks = [{ file: "/h/a.json", reason: "always" }];
    expect(statusOf(snapshot(), { ...here, observedHooks }, []).observedHooks).toEqual(observedHooks);
    expect(statusOf(snapshot(), here, [])).not.toHaveProperty("observedHooks");
  });

  test("is not ready before the handler is registered", () => {
    expect(conditions(snapshot(), { ...here, installed: false })["Ready"]).toContain("False NotInstalled");
  });

  test("keeps the time of a condition that did not turn", () => {
    const first = statusOf(snapshot(), here, []);
    const later = snapshot({ at: new Date("2026-06-02T00:00:00Z"), problems: ["x"] });
    const times = (statusOf(later, here, first.conditions ?? []).conditions ?? []).map(
      (one) => one.lastTransitionTime,
    );
    expect(times).toEqual([
      "2026-06-01T00:00:00.000Z",
      "2026-06-01T00:00:00.000Z",
      "2026-06-02T00:00:00.000Z",
    ]);
  });

  test("is the same where only the time of reading differs", () => {
    const first = statusOf(snapshot(), here, []);
    const later = statusOf(snapshot({ at: new Date("2026-06-02T00:00:00Z") }), here, first.conditions ?? []);
    expect(sameStatus(first, later)).toBe(true);
    expect(sameStatus(first, { ...later, isolatedCPUs: "" })).toBe(false);
    expect(sameStatus(undefined, first)).toBe(false);
  });
});
