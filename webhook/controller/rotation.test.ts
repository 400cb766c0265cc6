import { X509Certificate } from "node:crypto";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Clock } from "../../common/clock.ts";
import { pathOf, resources } from "../../common/kube/paths.ts";
import { KubeApiError } from "../../common/kube/port.ts";
import type { KubeApi, KubeRequest, WatchEvent, WatchRequest } from "../../common/kube/port.ts";
import { silentLogger } from "../../common/log.ts";
import { ROTATE_ANNOTATION } from "../../certs/authority.ts";
import { CA_LIFE_MS } from "../../certs/issue.ts";
import { isTrusted } from "../../certs/verify.ts";
import { cpuIsolation } from "../policy/testing.ts";
import { readiness } from "../server/readiness.ts";
import { ServingCertificate } from "./certificate.ts";
import { Configurations } from "./configurations.ts";
import { Enforcement } from "./enforcement.ts";

/** An API server may be so far behind the configurations that are stored. */
const LAG_MS = 25_000;
const secret = pathOf(resources.secrets, { namespace: "schedgate-system", name: "ca" });
const kinds = [resources.mutatingWebhooks, resources.validatingWebhooks].map((each) => pathOf(each));

interface Stored {
  metadata: { name: string; resourceVersion: string; annotations?: Record<string, string> };
  data?: Record<string, string>;
  webhooks?: { clientConfig: { caBundle: string } }[];
}

/** The Secret and both configurations, with the API server's compare-and-swap, and what was live when. */
class Server {
  now = Date.parse("2026-06-01T00:00:00Z");
  readonly objects = new Map<string, Stored>();
  readonly history: { path: string; from: number; to: number; bundle: string }[] = [];
  /** Each CA that ever signed. */
  readonly signers = new Set<string>();
  signerEnds = 0;
  /** How often a replica was seen to serve. */
  served = 0;
  /** Counts the long times; no request outlives one. */
  year = 0;
  #version = 1;
  #changed: (() => void)[] = [];
  readonly #turn: () => Promise<unknown>;

  /** `turn` decides when each request is answered. */
  constructor(turn: () => Promise<unknown>) {
    this.#turn = turn;
    for (const path of [secret, ...kinds.map((kind) => `${kind}/schedgate`)])
      this.put(path, { metadata: { name: "schedgate", resourceVersion: "" } });
  }

  put(path: string, object: Stored): void {
    this.#version += 1;
    const metadata = { ...object.metadata, resourceVersion: String(this.#version) };
    this.objects.set(path, { ...object, metadata });
    const signer = object.data?.["ca.crt"];
    if (signer !== undefined) {
      this.signers.add(signer);
      this.signerEnds = new X509Certificate(Buffer.from(signer, "base64")).validToDate.getTime();
    }
    for (const each of this.history) if (each.path === path) each.to = Math.min(each.to, this.now);
    const caBundle = object.webhooks?.[0]?.clientConfig.caBundle;
    if (caBundle !== undefined) {
      const bundle = Buffer.from(caBundle, "base64").toString();
      this.history.push({ path, from: this.now, to: Infinity, bundle });
    }
    this.#changed.splice(0).forEach((each) => {
      each();
    });
  }

  api(): KubeApi {
    return {
      request: async (call) => {
        if (kinds.includes(call.path)) return this.#list(call.path);
        const { year } = this;
        await this.#turn();
        if (year !== this.year) throw new Error("the connection ended long ago");
        return this.#answer(call);
      },
      watch: (call) => this.#watch(call),
    };
  }

  #list(path: string): unknown {
    const item = this.objects.get(`${path}/schedgate`);
    return { metadata: { resourceVersion: item?.metadata.resourceVersion }, items: [item] };
  }

  #answer(call: KubeRequest): unknown {
    const live = this.objects.get(call.path);
    if (call.method === "GET") return structuredClone(live);
    const body = call.body as Stored;
    if (body.metadata.resourceVersion !== live?.metadata.resourceVersion)
      throw new KubeApiError(call, { status: 409, reason: "Conflict", message: "changed" });
    this.put(call.path, body);
    return {};
  }

  async *#watch({ path, signal }: WatchRequest): AsyncGenerator<WatchEvent> {
    while (!signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#changed.push(resolve);
        signal.addEventListener("abort", () => {
          resolve();
        });
      });
      yield { type: "MODIFIED", object: structuredClone(this.objects.get(`${path}/schedgate`)) };
    }
  }
}

function quiet(): void {
  // No metrics here.
}

/** One process of the webhook; its clock differs from the server's. */
class Replica {
  readonly #server: Server;
  readonly #clock: Clock;
  readonly #configurations: Configurations;
  readonly #certificate: ServingCertificate;
  readonly #enforcement: Enforcement;
  readonly #whyNotReady: () => string | undefined;
  readonly #stop = new AbortController();
  #passing = false;

  constructor(server: Server, skewMs: number) {
    this.#server = server;
    this.#clock = { now: () => new Date(server.now + skewMs), sleep: () => Promise.resolve() };
    const common = { api: server.api(), clock: this.#clock, log: silentLogger };
    this.#configurations = new Configurations({ ...common, name: "schedgate", onChange: () => undefined });
    this.#certificate = new ServingCertificate({ ...common, path: secret }, [{ dns: "a" }]);
    this.#enforcement = new Enforcement({
      clock: this.#clock,
      inventory: {
        whyNotSynced: () => undefined,
        profiles: () => [cpuIsolation],
        freshProfiles: () => Promise.resolve([cpuIsolation]),
      },
      configurations: this.#configurations,
      // Both may take themselves for the leader: safety must not hang on the lease.
      leader: { leads: true, follows: false },
      certificate: this.#certificate,
      place: { namespace: "schedgate-system", target: { url: "https://127.0.0.1:1" } },
      metrics: { configurationCurrent: quiet, configurationRepaired: quiet, certificateEnds: quiet },
      useCertificate: () => Promise.resolve(),
    });
    this.#whyNotReady = readiness({
      inventory: { whyNotSynced: () => undefined },
      configurations: this.#configurations,
      certificate: this.#certificate,
      controller: this.#enforcement,
      clock: this.#clock,
      ending: this.#stop.signal,
    });
    void this.#configurations.run(this.#stop.signal);
  }

  pass(): void {
    if (this.#passing) return;
    this.#passing = true;
    const done = (): void => {
      this.#passing = false;
    };
    // A race that was lost is tried again at the next pass.
    this.#enforcement.pass().then(done, done);
  }

  end(): void {
    this.#stop.abort();
  }

  /** The leaf it serves with, if its kubelet would say that it is ready. */
  get served(): string | undefined {
    return this.#whyNotReady() === undefined ? this.#certificate.current?.certificate : undefined;
  }

  /** Whether every API server, however far behind, accepts what it serves with. */
  get isAccepted(): boolean {
    const { history, now } = this.#server;
    const possible = history.filter((each) => each.to >= now - LAG_MS);
    const leaf = this.served;
    this.#server.served += leaf === undefined ? 0 : 1;
    return leaf === undefined || possible.every((each) => isTrusted(leaf, each.bundle, new Date(now)));
  }
}

const replica = fc.nat({ max: 1 });
const action = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("answer" as const), count: fc.integer({ min: 1, max: 6 }) }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("pass" as const), replica }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("restart" as const), replica }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("ask" as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1_000, 12_000, 31_000) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("sleep" as const) }) },
);
const skew = fc.integer({ min: -30 * 60_000, max: 30 * 60_000 });

test("whatever the order of two replicas' steps: what one serves with is accepted by every API server", async () => {
  let [rotations, served] = [0, 0];
  const property = fc.asyncProperty(
    fc.scheduler(),
    fc.array(action, { minLength: 80, maxLength: 120 }),
    fc.tuple(skew, skew),
    async (scheduler, actions, skews) => {
      const server = new Server(() => scheduler.schedule(Promise.resolve()));
      const replicas = skews.map((each) => new Replica(server, each));
      const restart = (index: number): void => {
        replicas[index]?.end();
        replicas[index] = new Replica(server, skews[index] ?? 0);
      };
      const run = async (each: (typeof actions)[number]): Promise<void> => {
        switch (each.do) {
          case "answer":
            for (let i = 0; i < each.count && scheduler.count() > 0; i += 1) {
              await scheduler.waitNext(1);
              await new Promise((resolve) => setImmediate(resolve));
            }
            return;
          case "pass":
            replicas[each.replica]?.pass();
            return;
          case "restart":
            restart(each.replica);
            return;
          case "ask":
            ask(server);
            return;
          case "wait":
            server.now += each.ms;
            return;
          // So long that only new processes see the end of it; but no CA ends while nobody looks.
          case "sleep":
            if (server.now + CA_LIFE_MS * 0.25 > server.signerEnds) return;
            server.now += CA_LIFE_MS * 0.2;
            server.year += 1;
            [0, 1].forEach(restart);
        }
      };
      for (const each of actions) {
        await run(each);
        await new Promise((resolve) => setImmediate(resolve));
        expect(replicas.map(({ isAccepted }) => isAccepted)).toEqual([true, true]);
      }
      replicas.forEach((each) => {
        each.end();
      });
      rotations += server.signers.size - 1;
      served += server.served;
    },
  );
  await fc.assert(property, { numRuns: 25 });
  // Else this showed nothing.
  expect(rotations).toBeGreaterThan(5);
  expect(served).toBeGreaterThan(300);
}, 60_000);

function ask(server: Server): void {
  const live = server.objects.get(secret);
  if (live === undefined) return;
  server.put(secret, {
    ...live,
    metadata: { ...live.metadata, annotations: { [ROTATE_ANNOTATION]: "now" } },
  });
}
