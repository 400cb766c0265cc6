import { describe, expect, test } from "@jest/globals";
import { KubeApiError } from "../../common/kube/port.ts";
import type { KubeApi, KubeRequest } from "../../common/kube/port.ts";
import { silentLogger } from "../../common/log.ts";
import { Leader } from "./leader.ts";
import type { Lease } from "./lease.ts";
import { TestClock } from "./testing.ts";

const path = "/apis/coordination.k8s.io/v1/namespaces/schedgate-system/leases/schedgate-webhook";

/** A Lease in memory, compared and swapped as the API server does. */
class Server {
  lease: Lease = { metadata: { name: "schedgate-webhook", resourceVersion: "1" } };
  /** Nobody in here gets an answer. */
  readonly cutOff = new Set<string>();

  for(identity: string): KubeApi {
    const request = (call: KubeRequest): Promise<unknown> => {
      if (this.cutOff.has(identity)) return Promise.reject(new Error("no route to host"));
      if (call.method === "PUT") {
        const sent = call.body as Lease;
        if (sent.metadata.resourceVersion !== this.lease.metadata.resourceVersion)
          return Promise.reject(
            new KubeApiError(call, { status: 409, reason: "Conflict", message: "changed" }),
          );
        const resourceVersion = String(Number(sent.metadata.resourceVersion) + 1);
        this.lease = { ...sent, metadata: { ...sent.metadata, resourceVersion } };
      }
      return Promise.resolve(this.lease);
    };
    const watch = (): never => {
      throw new Error("not watched");
    };
    return { request, watch };
  }
}

function setUp() {
  const [server, clock] = [new Server(), new TestClock()];
  const working = new Set<string>();
  const start = (identity: string): { leader: Leader; end: () => Promise<void>; stop: AbortController } => {
    const stop = new AbortController();
    const lead = async (signal: AbortSignal): Promise<void> => {
      working.add(identity);
      await new Promise((resolve) => {
        signal.addEventListener("abort", resolve);
      });
      working.delete(identity);
    };
    const common = { api: server.for(identity), clock, log: silentLogger, path };
    const leader = new Leader({ ...common, identity, lead, onChange: () => undefined });
    const run = leader.run(stop.signal);
    const end = async (): Promise<void> => {
      stop.abort();
      await run;
    };
    return { leader, end, stop };
  };
  return { server, clock, working, start };
}

describe("of several replicas", () => {
  test("exactly one leads, and only it works", async () => {
    const { clock, working, start } = setUp();
    const all = ["a_1", "b_1", "c_1"].map(start);
    for (let i = 0; i < 60; i++) {
      await clock.pass(1);
      expect(all.filter(({ leader }) => leader.leads)).toHaveLength(1);
      expect(all.filter(({ leader }) => leader.follows)).toHaveLength(2);
      expect([...working]).toEqual(["a_1"]);
    }
    await Promise.all(all.map((each) => each.end()));
    expect(working.size).toBe(0);
  });

  test("another leads within two seconds when the leader ends", async () => {
    const { clock, server, working, start } = setUp();
    const [first, second] = [start("a_1"), start("b_1")];
    await clock.pass(1);
    await first.end();
    expect(server.lease.spec?.holderIdentity).toBe("");
    await clock.pass(2);
    expect([...working]).toEqual(["b_1"]);
    expect(server.lease.spec).toMatchObject({ holderIdentity: "b_1", leaseDurationSeconds: 7 });
    await second.end();
  });

  test("another leads when the leader hears nothing any more, and never two at a time", async () => {
    const { clock, server, working, start } = setUp();
    const [first, second] = [start("a_1"), start("b_1")];
    await clock.pass(5);
    server.cutOff.add("a_1");
    for (let second = 0; second < 20; second++) {
      await clock.pass(1);
      expect(working.size).toBeLessThanOrEqual(1);
      expect(first.leader.leads && working.has("b_1")).toBe(false);
    }
    expect([...working]).toEqual(["b_1"]);
    server.cutOff.clear();
    await clock.pass(5);
    expect([first.leader.leads, first.leader.follows, second.leader.leads]).toEqual([false, true, true]);
    await Promise.all([first.end(), second.end()]);
  });

  test("another leads within nine seconds when the leader is killed", async () => {
    const { clock, server, start } = setUp();
    const [first, second] = [start("a_1"), start("b_1")];
    await clock.pass(5);
    server.cutOff.add("a_1");
    await clock.pass(9);
    expect([first.leader.leads, second.leader.leads]).toEqual([false, true]);
    await Promise.all([first.end(), second.end()]);
  });

  test("a pod's next process leads at once after the one before it was killed", async () => {
    const { clock, server, start } = setUp();
    server.lease = { ...server.lease, spec: { holderIdentity: "a_1", leaseDurationSeconds: 15 } };
    const [other, again] = [start("b_1"), start("a_2")];
    await clock.pass(1);
    expect([other.leader.leads, again.leader.leads]).toEqual([false, true]);
    await Promise.all([other.end(), again.end()]);
  });
});
