import { describe, expect, test } from "@jest/globals";
import { systemClock } from "../../common/clock.ts";
import type { KubeApi, WatchEvent } from "../../common/kube/port.ts";
import { silentLogger } from "../../common/log.ts";
import { Pods, readRecord } from "./pods.ts";

const limits = { cpu: "2", memory: "1Gi" };

function rawPod(name: string, annotations: Record<string, string> = {}, more: object = {}): object {
  return {
    metadata: { name, namespace: "trading", uid: `uid-${name}`, resourceVersion: "1", annotations },
    spec: {
      containers: [{ name: "main", image: "x", resources: { limits: { ...limits, "example.com/x": "1" } } }],
    },
    ...more,
  };
}

describe("of a pod is kept", () => {
  test("nothing where it carries nothing of ours", () => {
    expect(readRecord(rawPod("a", { plain: "x", note: "y".repeat(100_000) }))).toBeUndefined();
  });

  test("what says how it asks, its CPUs, and the grants that it names", () => {
    const annotations = { "schedgate.dev/grant": "b,a", "x.example/y": "enabled", plain: "x" };
    const record = readRecord(rawPod("a", annotations, { status: { phase: "Running" } }));
    expect(record).toMatchObject({ uid: "uid-a", finished: false, grants: ["a", "b"] });
    expect(Object.keys(record?.pod.annotations ?? {})).toEqual(["schedgate.dev/grant", "x.example/y"]);
    expect(record?.pod.containers[0]?.limits).toEqual(limits);
  });

  test.each(["Succeeded", "Failed"])("that it is finished: %s", (phase) => {
    expect(readRecord(rawPod("a", { "schedgate.dev/grant": "a" }, { status: { phase } }))?.finished).toBe(
      true,
    );
  });
});

describe("the pods", () => {
  const granted = { "schedgate.dev/grant": "g" };

  /** Pods that were listed in these pages and then had these events. */
  async function after(pages: object[][], events: WatchEvent[]): Promise<Pods> {
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
      done.abort();
    }
    const options = { api: { request, watch }, clock: systemClock, log: silentLogger };
    const pods = new Pods({ ...options, onChange: () => undefined });
    await pods.run(done.signal);
    // Not while a list is under way: its first pages are read, but not in place.
    expect(during).not.toContain(true);
    return pods;
  }

  test("that name a grant are found by it", async () => {
    const pods = await after([[rawPod("a", granted)], [rawPod("b", granted), rawPod("c")]], []);
    expect(pods.naming("g").map((each) => each.pod.name)).toEqual(["a", "b"]);
    expect(pods.naming("other")).toEqual([]);
  });

  test("are gone where they were there and are no more, or another has their name", async () => {
    const again = rawPod("b", granted);
    Object.assign((again as { metadata: object }).metadata, { uid: "uid-of-another" });
    const pods = await after(
      [[rawPod("a", granted), rawPod("b", granted), rawPod("c", granted)]],
      [
        { type: "DELETED", object: rawPod("a", granted) },
        { type: "MODIFIED", object: again },
      ],
    );
    const gone = ["a", "b", "c", "never"].filter((name) => pods.isGone("trading", name, `uid-${name}`));
    expect(gone).toEqual(["a", "b"]);
  });

  test("that cannot be read any more are not taken for gone", async () => {
    const broken = { metadata: { name: "a", namespace: "trading", uid: "uid-a", resourceVersion: "2" } };
    const pods = await after([[rawPod("a", granted)]], [{ type: "MODIFIED", object: broken }]);
    expect(pods.isGone("trading", "a", "uid-a")).toBe(false);
  });
});
