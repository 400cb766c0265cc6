import { describe, expect, test } from "@jest/globals";
import type { HookGrant } from "../../common/api/hookgrant.ts";
import type { KubeRequest } from "../../common/kube/port.ts";
import { KubeApiError } from "../../common/kube/port.ts";
import { silentLogger } from "../../common/log.ts";
import { cpuIsolation, grantOf, now, podOf, profileOf } from "../policy/testing.ts";
import { readProfile } from "../policy/profile.ts";
import type { EventDraft } from "./events.ts";
import { Reporter } from "./reporter.ts";

const annotations = { "schedgate.dev/cpu-isolation": "enabled" };
const record = {
  pod: podOf({ annotations, runtimeClassName: "wrapper" }),
  uid: "u-1",
  finished: false,
  grants: [],
};

/** A reporter over one pod that asks; its clock never rests longer than a turn of the event loop. */
function setUp(grants: HookGrant[], request: (call: KubeRequest) => Promise<unknown>) {
  const logged: object[] = [];
  const told: EventDraft[] = [];
  const calls: KubeRequest[] = [];
  const profiles = [cpuIsolation, profileOf("second", {})];
  const sleep = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const watch = (): never => {
    throw new Error("not watched");
  };
  const seen = (call: KubeRequest): Promise<unknown> => {
    calls.push(call);
    return request(call);
  };
  const reporter = new Reporter({
    api: { request: seen, watch },
    clock: { now: () => now, sleep },
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
      records: () => new Map([["trading/engine-0", record]]),
    },
    events: { record: (draft) => told.push(draft) },
    metrics: { unauthorized: () => undefined },
  });
  return { reporter, logged, told, calls };
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
});
