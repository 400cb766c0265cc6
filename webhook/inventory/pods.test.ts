import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "@jest/globals";
import type { HookProfile } from "../../common/api/hookprofile.ts";
import { systemClock } from "../../common/clock.ts";
import type { KubeApi, KubeRequest, WatchEvent } from "../../common/kube/port.ts";
import { silentLogger } from "../../common/log.ts";
import { cpuIsolation, profileOf } from "../policy/testing.ts";
import { podRecord } from "./podrecord.ts";
import { Pods } from "./pods.ts";

/** A pod as the API server sends it, with the bulk that real ones have. */
function raw(
  name: string,
  more: { annotations?: Record<string, string>; spec?: object; phase?: string } = {},
) {
  const bulk = Array.from({ length: 20 }, (_, i) => ({
    name: `V${String(i)}`,
    value: `value-${name}`.repeat(5),
  }));
  const resources = {
    requests: { cpu: "2", memory: "1Gi", "example.com/x": "1" },
    limits: { cpu: "2", memory: "1Gi" },
  };
  return {
    metadata: {
      ...{ name, namespace: "trading", uid: `uid-${name}`, resourceVersion: "1", labels: { app: name } },
      annotations: { "example.com/note": "n".repeat(500), ...more.annotations },
      managedFields: bulk,
    },
    spec: {
      serviceAccountName: "engine",
      containers: [{ name: "main", image: "i", env: bulk, resources }],
      ...more.spec,
    },
    status: { phase: more.phase ?? "Running", conditions: bulk },
  };
}

const ask = { annotations: { "schedgate.dev/cpu-isolation": "enabled" } };
const isProtected = (key: string): boolean => key.endsWith("schedgate.dev/cpu-isolation");

describe("the record of a pod", () => {
  test("has what judging needs, and no more", () => {
    expect(podRecord(raw("a", { ...ask, spec: { runtimeClassName: "wrapper" } }), isProtected)).toEqual({
      uid: "uid-a",
      finished: false,
      grants: [],
      pod: {
        ...{
          uid: "uid-a",
          namespace: "trading",
          name: "a",
          nodeName: undefined,
          serviceAccount: "engine",
          runtimeClassName: "wrapper",
          resources: undefined,
        },
        annotations: ask.annotations,
        containers: [
          {
            name: "main",
            init: false,
            sidecar: false,
            allocatedCpu: undefined,
            requests: { cpu: "2", memory: "1Gi" },
            limits: { cpu: "2", memory: "1Gi" },
          },
        ],
      },
    });
  });

  test.each([
    ["a RuntimeClass", { spec: { runtimeClassName: "any" } }, true],
    ["a protected annotation", ask, true],
    ["a grant", { annotations: { "schedgate.dev/grant": "g" } }, true],
    ["nothing of these", {}, false],
  ])("is kept where the pod has %s: %j, %j", (_, more, kept) => {
    expect(podRecord(raw("a", more), isProtected) !== undefined).toBe(kept);
  });

  test.each([
    ["Succeeded", true],
    ["Failed", true],
    ["Running", false],
    ["Pending", false],
    ["Unknown", false],
  ])("of a pod that is %s says that it finished: %j", (phase, finished) => {
    expect(podRecord(raw("a", { ...ask, phase }), isProtected)?.finished).toBe(finished);
  });
});

/** An API server with so many pods, made as they are asked for; each tenth asks. Its watch waits. */
function serverOf(count: number): KubeApi & { lists: number } {
  const server = {
    lists: 0,
    request(call: KubeRequest): Promise<unknown> {
      const start = Number(call.query?.["continue"] ?? 0);
      if (start === 0) server.lists += 1;
      const end = Math.min(count, start + Number(call.query?.["limit"]));
      const items = Array.from({ length: end - start }, (_, i) =>
        raw(`p${String(start + i)}`, (start + i) % 10 === 0 ? ask : {}),
      );
      const text = JSON.stringify({
        metadata: { resourceVersion: "1", continue: end < count ? String(end) : "" },
        items,
      });
      return Promise.resolve(JSON.parse(text));
    },
    async *watch({ signal }: { signal: AbortSignal }) {
      await new Promise((resolve) => {
        signal.addEventListener("abort", resolve);
      });
      yield* [];
    },
  };
  return server;
}

/** Runs the cache until it is in step; the profiles may be changed meanwhile. */
async function follow(api: KubeApi, profiles: () => HookProfile[]) {
  const stop = new AbortController();
  let changed: () => void = () => undefined;
  const onChange = (): void => {
    changed();
  };
  const pods = new Pods({ api, clock: systemClock, log: silentLogger, profiles, onChange });
  const inStep = async (): Promise<void> => {
    while (!pods.synced) await new Promise<void>((resolve) => (changed = resolve));
  };
  const run = pods.run(stop.signal);
  const end = async (): Promise<void> => {
    stop.abort();
    await run;
  };
  await inStep();
  return { pods, inStep, end };
}

describe("the cluster's pods", () => {
  test("take little memory where there are 50,000, of which 5,000 ask", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    collect();
    const before = process.memoryUsage().heapUsed;
    const { pods, end } = await follow(serverOf(50_000), () => [cpuIsolation]);
    collect();
    const { heapUsed, rss } = process.memoryUsage();
    process.stderr.write(`50,000 pods: heap +${mb(heapUsed - before)} MB, RSS ${mb(rss)} MB\n`);
    expect(pods.records().size).toBe(5_000);
    expect(heapUsed - before).toBeLessThan(10 * 1024 * 1024);
    await end();
  }, 60_000);

  test("are listed anew when other annotations are protected, and are not known before", async () => {
    let profiles = [cpuIsolation];
    const server = serverOf(20);
    const { pods, inStep, end } = await follow(server, () => profiles);
    pods.reconsider();
    expect([server.lists, pods.records().size]).toEqual([1, 2]);
    profiles = [cpuIsolation, profileOf("notes", { protects: { annotations: ["example.com/*"] } })];
    expect(pods.synced).toBe(false);
    pods.reconsider();
    await inStep();
    expect([server.lists, pods.records().size]).toEqual([2, 20]);
    await end();
  });
});

describe("the pods, for those who keep room", () => {
  const granted = { annotations: { "schedgate.dev/grant": "b,g" } };

  /** Looks at pods that were listed in these pages and then had these events. */
  async function after(pages: object[][], events: WatchEvent[], look: (pods: Pods) => void): Promise<Pods> {
    const done = new AbortController();
    const during: boolean[] = [];
    const request: KubeApi["request"] = ({ query }) => {
      during.push(pods.isGone("trading", "a", "uid-a"));
      const at = Number(query?.["continue"] ?? 0);
      const next = at + 1 < pages.length ? { continue: String(at + 1) } : {};
      return Promise.resolve({ metadata: { resourceVersion: "1", ...next }, items: pages[at] });
    };
    // eslint-disable-next-line @typescript-eslint/require-await -- a watch is a generator that waits
    async function* watch(): AsyncGenerator<WatchEvent> {
      yield* events;
      try {
        look(pods);
      } finally {
        done.abort();
      }
    }
    const options = { api: { request, watch }, clock: systemClock, log: silentLogger };
    const pods = new Pods({ ...options, profiles: () => [cpuIsolation], onChange: () => undefined });
    await pods.run(done.signal);
    // Not while a list is under way: its first pages are read, but not in place.
    expect(during).not.toContain(true);
    return pods;
  }

  test("are found by the grants that they name", async () => {
    const found: string[][] = [];
    await after([[raw("a", granted)], [raw("b", granted), raw("c", ask)]], [], (pods) => {
      for (const grant of ["g", "other"]) found.push(pods.naming(grant).map((each) => each.pod.name));
    });
    expect(found).toEqual([["a", "b"], []]);
  });

  test("are gone where they were there and are no more, or another has their name; not when nobody looks", async () => {
    const again = raw("b", granted);
    again.metadata.uid = "uid-of-another";
    const goneOf = (pods: Pods): string[] =>
      ["a", "b", "c", "never"].filter((name) => pods.isGone("trading", name, `uid-${name}`));
    let gone: string[] = [];
    const pods = await after(
      [["a", "b", "c"].map((name) => raw(name, granted))],
      [
        { type: "DELETED", object: raw("a", granted) },
        { type: "MODIFIED", object: again },
      ],
      (live) => (gone = goneOf(live)),
    );
    expect(gone).toEqual(["a", "b"]);
    expect(goneOf(pods)).toEqual([]);
  });

  test("that cannot be read any more are not taken for gone", async () => {
    const broken = { metadata: { name: "a", namespace: "trading", uid: "uid-a", resourceVersion: "2" } };
    const gone: boolean[] = [];
    await after([[raw("a", granted)]], [{ type: "MODIFIED", object: broken }], (pods) => {
      gone.push(pods.isGone("trading", "a", "uid-a"));
    });
    expect(gone).toEqual([false]);
  });
});

function mb(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(1);
}
