import { describe, expect, test } from "@jest/globals";
import type { KubeRequest } from "../../common/kube/port.ts";
import { KubeApiError } from "../../common/kube/port.ts";
import { silentLogger } from "../../common/log.ts";
import { Events } from "./events.ts";
import type { EventDraft } from "./events.ts";

function draft(
  name: string,
  more: Partial<EventDraft> = {},
  namespace: string | undefined = "trading",
): EventDraft {
  const regarding = { apiVersion: "apps/v1", kind: "ReplicaSet", namespace, name, uid: `uid-${name}` };
  return { regarding, reason: "HookNotGranted", action: "Create", note: "no", ...more };
}

function setUp(fail?: (call: KubeRequest) => Error | undefined) {
  const calls: KubeRequest[] = [];
  const outcomes: string[] = [];
  let at = Date.parse("2026-06-01T00:00:00Z");
  const request = (call: KubeRequest): Promise<unknown> => {
    calls.push(call);
    const error = fail?.(call);
    if (error !== undefined) return Promise.reject(error);
    return Promise.resolve({ metadata: { name: `e${String(calls.length)}` } });
  };
  const watch = (): never => {
    throw new Error("not watched");
  };
  const clock = { now: () => new Date(at), sleep: () => Promise.resolve() };
  const count = (outcome: string): void => {
    outcomes.push(outcome);
  };
  const events = new Events({ api: { request, watch }, clock, log: silentLogger, instance: "pod-1", count });
  const pass = async (seconds: number): Promise<void> => {
    at += seconds * 1000;
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { events, calls, outcomes, pass };
}

describe("an event", () => {
  test("is written as events.k8s.io wants it", () => {
    const { events, calls } = setUp();
    events.record(draft("engine", { note: "é".repeat(2_000) }));
    expect(calls[0]).toMatchObject({
      method: "POST",
      path: "/apis/events.k8s.io/v1/namespaces/trading/events",
    });
    expect(calls[0]?.body).toMatchObject({
      eventTime: "2026-06-01T00:00:00.000000Z",
      type: "Warning",
      reason: "HookNotGranted",
      action: "Create",
      reportingController: "schedgate.dev/webhook",
      reportingInstance: "pod-1",
      regarding: { kind: "ReplicaSet", name: "engine" },
    });
    expect(Buffer.byteLength((calls[0]?.body as { note: string }).note)).toBeLessThanOrEqual(1024);
  });

  test("about a cluster-scoped object is in namespace default", () => {
    const { events, calls } = setUp();
    const regarding = {
      apiVersion: "schedgate.dev/v1alpha1",
      kind: "HookGrant",
      namespace: undefined,
      name: "g",
    };
    events.record(draft("", { regarding }));
    expect(calls[0]?.path).toBe("/apis/events.k8s.io/v1/namespaces/default/events");
  });

  test("that happens again is counted, and told as a series now and then", async () => {
    const { events, calls, pass } = setUp();
    for (let i = 0; i < 100; i++) events.record(draft("engine"));
    expect(calls).toHaveLength(1);
    await pass(31);
    events.record(draft("engine"));
    await pass(0);
    expect(calls).toHaveLength(2);
    expect(calls[1]).toMatchObject({
      method: "PATCH",
      path: "/apis/events.k8s.io/v1/namespaces/trading/events/e1",
    });
    expect(calls[1]?.body).toMatchObject({
      series: { count: 101, lastObservedTime: "2026-06-01T00:00:31.000000Z" },
    });
  });

  test("is written anew where the API server has forgotten it", async () => {
    const gone = (call: KubeRequest): Error | undefined =>
      call.method === "PATCH"
        ? new KubeApiError(call, { status: 404, reason: "NotFound", message: "gone" })
        : undefined;
    const { events, calls, outcomes, pass } = setUp(gone);
    events.record(draft("engine"));
    await pass(31);
    events.record(draft("engine"));
    await pass(0);
    events.record(draft("engine"));
    expect(calls.map(({ method }) => method)).toEqual(["POST", "PATCH", "POST"]);
    await pass(0);
    expect(outcomes).toEqual(["sent", "sent"]);
  });

  test("that cannot be written is counted, and tried again when it happens again", async () => {
    const { events, outcomes, pass } = setUp(() => new Error("no"));
    events.record(draft("engine"));
    await pass(0);
    events.record(draft("engine"));
    await pass(0);
    expect(outcomes).toEqual(["failed", "failed"]);
  });
});

describe("a namespace that causes a flood of events", () => {
  test("gets few, and takes none from the others", async () => {
    const { events, calls, outcomes, pass } = setUp();
    for (let i = 0; i < 5_000; i++) events.record(draft(`engine-${String(i)}`));
    events.record(draft("engine", {}, "research"));
    await pass(0);
    expect(calls.map(({ path }) => path.split("/")[5])).toEqual([
      ...Array<string>(10).fill("trading"),
      "research",
    ]);
    expect(outcomes.filter((each) => each === "dropped")).toHaveLength(4_990);
  });
});
