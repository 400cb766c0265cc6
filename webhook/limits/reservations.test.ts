import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { HookGrant } from "../../common/api/hookgrant.ts";
import type { Clock } from "../../common/clock.ts";
import { KubeApiError } from "../../common/kube/port.ts";
import type { KubeApi, KubeRequest } from "../../common/kube/port.ts";
import { grantOf, holderOf, now } from "../policy/testing.ts";
import { settledTo } from "./batch.ts";
import { Reservations } from "./reservations.ts";

/** One grant, as the API server keeps it: a write on an old version is refused. `lose` decides if an answer is lost. */
class Store {
  grant: HookGrant;
  writes = 0;

  constructor(limits: HookGrant["spec"]["limits"]) {
    const { metadata, spec } = grantOf("g", { ...(limits && { limits }) });
    this.grant = { metadata: { ...metadata, resourceVersion: "1" }, spec, status: { holders: [] } };
  }

  answer(call: KubeRequest, lose: boolean): HookGrant {
    if (call.method === "PATCH") this.#write(call, call.body as HookGrant);
    if (lose) throw new KubeApiError(call, { status: 0, reason: "", message: "lost" });
    return this.grant;
  }

  #write(call: KubeRequest, { metadata, status }: HookGrant): void {
    const { resourceVersion } = this.grant.metadata;
    if (metadata.resourceVersion !== resourceVersion) {
      throw new KubeApiError(call, { status: 409, reason: "Conflict", message: "changed" });
    }
    this.writes += 1;
    this.grant = {
      ...this.grant,
      metadata: { ...this.grant.metadata, resourceVersion: String(Number(resourceVersion) + 1) },
      status,
    };
  }
}

const clock: Clock = { now: () => now, sleep: () => Promise.resolve() };

/** A replica whose calls reach the store, and come back, when the scheduler says so; its cache never hears of writes. */
function replicaOf(store: Store, delay: () => Promise<unknown>, lose: () => boolean = () => false) {
  const first = store.grant;
  const request: KubeApi["request"] = async (call) => {
    await delay();
    const answer = store.answer(call, lose());
    await delay();
    return structuredClone(answer);
  };
  const api: KubeApi = {
    request,
    watch: () => {
      throw new Error("not here");
    },
  };
  const calls: string[] = [];
  const settled = (grant: HookGrant): HookGrant => settledTo(grant, grant.status?.holders ?? []);
  const options = {
    api,
    clock,
    settled,
    cached: () => first,
    countCall: (method: string) => calls.push(method),
  };
  return { reservations: new Reservations(options), calls };
}

const take = (uid: string, cpus: number) => ({ kind: "take", holder: holderOf(uid, cpus) }) as const;

describe("two replicas", () => {
  test("never let in more than the limits allow, nor less, in whatever order their calls arrive", async () => {
    const wants = fc.array(fc.record({ replica: fc.nat(1), cpus: fc.integer({ min: 1, max: 3 }) }), {
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.nat(5), fc.nat(12), wants, async (s, pods, isolatedCPUs, list) => {
        const store = new Store({ pods, isolatedCPUs });
        const delay = () => s.schedule(Promise.resolve());
        const replicas = [replicaOf(store, delay), replicaOf(store, delay)] as const;
        const outcomes = list.map(({ replica, cpus }, i) =>
          (replicas[replica] ?? replicas[0]).reservations.take("g", take(String(i), cpus)),
        );
        const lacks = await s.waitFor(Promise.all(outcomes));
        const admitted = list.filter((_, i) => lacks[i] === undefined);
        const cpus = admitted.reduce((sum, each) => sum + each.cpus, 0);
        expect(admitted.length).toBeLessThanOrEqual(pods);
        expect(cpus).toBeLessThanOrEqual(isolatedCPUs);
        expect(store.grant.status?.holders ?? []).toHaveLength(admitted.length);
        for (const [i, { cpus: more }] of list.entries()) {
          if (lacks[i] === undefined) continue;
          expect(admitted.length === pods || cpus + more > isolatedCPUs).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("admit nobody whose answer was lost, and hold at least all that they admitted", async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.infiniteStream(fc.boolean()), async (s, losses) => {
        const store = new Store({ pods: 4 });
        const delay = () => s.schedule(Promise.resolve());
        const lose = (): boolean => losses.next().value === true;
        const replicas = [replicaOf(store, delay, lose), replicaOf(store, delay, lose)];
        const outcomes = replicas.flatMap(({ reservations }, r) =>
          [0, 1, 2, 3].map((i) => reservations.take("g", take(`${String(r)}-${String(i)}`, 1))),
        );
        const settled = await s.waitFor(Promise.allSettled(outcomes));
        const admitted = settled.filter((each) => each.status === "fulfilled" && each.value === undefined);
        const held = store.grant.status?.holders?.length ?? 0;
        expect(admitted.length).toBeLessThanOrEqual(held);
        expect(held).toBeLessThanOrEqual(4);
      }),
    );
  });
});

describe("one replica", () => {
  const atOnce = () => Promise.resolve();

  test("writes what comes while a write is under way together in the next one", async () => {
    const store = new Store({ pods: 1000 });
    const { reservations, calls } = replicaOf(store, atOnce);
    await Promise.all(Array.from({ length: 300 }, (_, i) => reservations.take("g", take(String(i), 1))));
    expect(store.grant.status?.used).toEqual({ pods: 300, isolatedCPUs: 300 });
    expect(calls).toEqual(["PATCH", "PATCH"]);
  });

  test("writes that a pod took room anew, also where it takes no more, so that no look from before undoes it", async () => {
    const store = new Store({ pods: 1 });
    const { reservations } = replicaOf(store, atOnce);
    const since = new Date(now.getTime() + 1_000).toISOString();
    await reservations.take("g", take("a", 6));
    await reservations.take("g", { kind: "take", holder: { ...holderOf("a", 4), since } });
    expect(store.grant.status?.holders).toEqual([{ ...holderOf("a", 6), since }]);
  });

  test("asks nobody where there is no room or no limit", async () => {
    const full = new Store({ pods: 1 });
    const { reservations, calls } = replicaOf(full, atOnce);
    expect(await reservations.take("g", take("a", 1))).toBeUndefined();
    expect(await reservations.take("g", take("b", 1))).toMatchObject({ limit: "pods", used: 1, max: 1 });
    expect(calls).toEqual(["PATCH"]);
    const free = replicaOf(new Store(undefined), atOnce);
    expect(await free.reservations.take("g", take("a", 1))).toBeUndefined();
  });

  test("gives room back to whoever comes next", async () => {
    const { reservations } = replicaOf(new Store({ pods: 1 }), atOnce);
    const outcomes = [take("a", 1), { kind: "leave", uid: "a" } as const, take("b", 1)].map((step) =>
      reservations.take("g", step),
    );
    expect(await Promise.all(outcomes)).toEqual([undefined, undefined, undefined]);
  });

  test("costs a pod one call, and two more where another replica wrote since", async () => {
    const store = new Store({ pods: 9 });
    const [one, other] = [replicaOf(store, atOnce), replicaOf(store, atOnce)];
    for (const uid of ["a", "b"]) await one.reservations.take("g", take(uid, 1));
    expect(one.calls).toEqual(["PATCH", "PATCH"]);
    await other.reservations.take("g", take("c", 1));
    expect(other.calls).toEqual(["PATCH", "GET", "PATCH"]);
    expect(store.grant.status?.used?.pods).toBe(3);
  });

  test("judges without a write", () => {
    const store = new Store({ pods: 1 });
    const { reservations, calls } = replicaOf(store, atOnce);
    expect(reservations.judge("g", take("a", 1))).toBeUndefined();
    expect(calls).toEqual([]);
  });

  test("gives up in time where the API server only says that something changed", async () => {
    let time = now.getTime();
    const request: KubeApi["request"] = (call) => {
      time += 400;
      if (call.method === "GET") return Promise.resolve(new Store({ pods: 1 }).grant);
      return Promise.reject(new KubeApiError(call, { status: 409, reason: "Conflict", message: "changed" }));
    };
    const reservations = new Reservations({
      api: {
        request,
        watch: () => {
          throw new Error("not here");
        },
      },
      clock: { now: () => new Date(time), sleep: () => Promise.resolve() },
      settled: (grant) => grant,
      cached: () => new Store({ pods: 1 }).grant,
      countCall: () => undefined,
    });
    await expect(reservations.take("g", take("a", 1))).rejects.toThrow("could not be reserved in time");
    expect(time - now.getTime()).toBeLessThan(5_000);
  });
});
