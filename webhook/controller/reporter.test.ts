import { describe, expect, test } from "@jest/globals";
import type { HookGrant } from "../../common/api/hookgrant.ts";
import type { Clock } from "../../common/clock.ts";
import type { KubeRequest } from "../../common/kube/port.ts";
import { KubeApiError } from "../../common/kube/port.ts";
import { silentLogger } from "../../common/log.ts";
import { cpuIsolation, grantOf, now, podOf, profileOf } from "../policy/testing.ts";
import { readProfile } from "../policy/profile.ts";
import type { EventDraft } from "./events.ts";
import { Reporter } from "./reporter.ts";
import { TestClock } from "./testing.ts";

const annotations = { "schedgate.dev/cpu-isolation": "enabled" };
const record = {
  pod: podOf({ annotations, runtimeClassName: "wrapper" }),
  uid: "u-1",
  finished: false,
  grants: [],
};

const hasty: Clock = { now: () => now, sleep: () => new Promise((resolve) => setImmediate(resolve)) };

/** A reporter over one pod that asks; the clock, when not said, never rests longer than a turn of the event loop. */
function setUp(grants: HookGrant[], request: (call: KubeRequest) => Promise<unknown>, clock: Clock = hasty) {
  const logged: object[] = [];
  const told: EventDraft[] = [];
  const calls: KubeRequest[] = [];
  const profiles = [cpuIsolation, profileOf("second", {})];
  const records = new Map([["trading/engine-0", record]]);
  /** How many pods without right each audit found. */
  const audits: number[] = [];
  const watch = (): never => {
    throw new Error("not watched");
  };
  const seen = (call: KubeRequest): Promise<unknown> => {
    calls.push(call);
    return request(call);
  };
  const reporter = new Reporter({
    api: { request: seen, watch },
    clock,
    log: { ...silentLogger, error: (fields: object) => logged.push(fields) },
    inventory: {
      whyNotSynced: () => undefined,
      rules: () => ({ profiles: profiles.map(readProfile), grants }),
      profiles: () => profiles,
      grants: () => grants,
      classes: () => new Map([["wrapper", { metadata: { name: "wrapper" }, handler: "wrapper" }]]),
    },
    pods: {
      run: () => Promise.resolve(),
      reconsider: () => undefined,
      synced: true,
      records: () => records,
    },
    events: { record: (draft) => told.push(draft) },
    metrics: {
      unauthorized: (names, found) => {
        if (names.length > 0) audits.push(found.get("cpu-isolation")?.count ?? 0);
      },
    },
  });
  return { reporter, logged, told, calls, records, audits };
}

/** No report kinds here; all else is accepted. */
function plain(call: KubeRequest): Promise<unknown> {
  if (call.method !== "GET") return Promise.resolve({});
  return Promise.reject(new KubeApiError(call, { status: 404, reason: "NotFound", message: "no such kind" }));
}

describe("the reporter", () => {
  test("ends while a status waits for its answer", async () => {
    const end = new AbortController();
    const { reporter } = setUp([], ({ signal }) => {
      end.abort();
      return new Promise((_, reject) => {
        signal?.addEventListener("abort", () => {
          reject(new Error("aborted"));
        });
        if (signal?.aborted === true) reject(new Error("aborted"));
      });
    });
    await expect(reporter.run(end.signal)).resolves.toBeUndefined();
  });

  test("tries every status, and logs those that fail", async () => {
    const end = new AbortController();
    const paths = new Set<string>();
    const { reporter, logged } = setUp([grantOf("trading")], (call) => {
      if (call.method === "GET") return plain(call);
      paths.add(call.path.split("/").at(-2) ?? "");
      if (paths.size === 3) end.abort();
      return Promise.reject(new Error("no"));
    });
    await reporter.run(end.signal);
    expect([...paths]).toEqual(["cpu-isolation", "second", "trading"]);
    expect(logged).toContainEqual({ resource: "hookprofiles", name: "second", error: "no" });
  });

  test("tells of an unauthorized pod, of what is not ready, and of each once", async () => {
    const end = new AbortController();
    const { reporter, told, calls } = setUp([grantOf("lost", { profileName: "gone" })], plain);
    const run = reporter.run(end.signal);
    const audited = (): boolean => calls.filter(({ method }) => method === "GET").length >= 6;
    while (!audited()) await new Promise((resolve) => setImmediate(resolve));
    end.abort();
    await run;
    const about = (kind: string) => told.filter(({ regarding }) => regarding.kind === kind);
    expect(about("Pod")).toHaveLength(1);
    expect(about("Pod")[0]).toMatchObject({
      reason: "Unauthorized",
      regarding: { name: "engine-0", uid: "u-1" },
    });
    expect(about("HookGrant")[0]).toMatchObject({
      reason: "ProfileMissing",
      note: "HookGrant lost: HookProfile gone does not exist",
    });
    const unauthorized = { count: 1, pods: [{ namespace: "trading", name: "engine-0" }] };
    expect(calls.map(({ body }) => body)).toContainEqual(
      expect.objectContaining({ status: expect.objectContaining({ unauthorized }) }),
    );
  });

  test("audits every ten minutes, whatever it is not told of, and no more often", async () => {
    const [end, clock] = [new AbortController(), new TestClock()];
    const { reporter, records, audits } = setUp([], plain, clock);
    const run = reporter.run(end.signal);
    await clock.pass(30);
    expect(audits).toEqual([1]);
    records.set("trading/engine-1", { ...record, uid: "u-2" });
    await clock.pass(9 * 60);
    expect(audits).toEqual([1]);
    await clock.pass(60);
    expect(audits).toEqual([1, 2]);
    await clock.pass(50 * 60);
    expect(audits).toHaveLength(7);
    end.abort();
    await run;
  });

  test("audits at once when a grant ends, though nobody changed anything", async () => {
    const [end, clock] = [new AbortController(), new TestClock()];
    const notAfter = new Date(clock.now().getTime() + 120_000).toISOString();
    const { reporter, audits } = setUp([grantOf("trading", { notAfter })], plain, clock);
    const run = reporter.run(end.signal);
    await clock.pass(115);
    expect(audits).toEqual([0]);
    await clock.pass(10);
    expect(audits).toEqual([0, 1]);
    end.abort();
    await run;
  });
});
