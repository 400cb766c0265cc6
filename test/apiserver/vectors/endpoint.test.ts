import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import { complaints } from "../../../webhook/admission/conformance.ts";
import { ODD_VALUES, REVIEW_KEYS, spoil } from "../../../webhook/admission/testing.ts";
import { resources } from "../../../common/kube/paths.ts";
import { get, refusalOf } from "../cluster.ts";
import type { Json } from "../cluster.ts";
import { checkedAnswers } from "../answerlog.ts";
import { ASK, pod } from "../objects.ts";
import { directTo, review } from "./direct.ts";
import type { Direct } from "./direct.ts";
import { openWorld } from "./world.ts";
import type { World } from "./world.ts";

jest.setTimeout(60_000);

let world: World;
let direct: Direct;

beforeAll(async () => {
  world = await openWorld("endpoint");
  direct = await directTo(world.api, world.webhook);
}, 600_000);

afterAll(() => world.stop(), 60_000);

const asking = pod({ annotations: { [ASK]: "enabled" } });

/** Sends a review; its answer, which must be one. */
async function judged(request: Json, path = "/validate"): Promise<{ allowed: boolean; message: string }> {
  const { status, text } = await direct.send(path, JSON.stringify(review(request)));
  expect(status).toBe(200);
  const answer = JSON.parse(text) as { response: { allowed: boolean; status?: { message: string } } };
  expect(complaints("u-1", path === "/mutate", answer)).toEqual([]);
  return { allowed: answer.response.allowed, message: answer.response.status?.message ?? "" };
}

describe("the answers", () => {
  test("to the API server are all as it wants them, and were all looked at", async () => {
    await refusalOf(world.createPod("trading", { annotations: { [ASK]: "enabled" } }));
    await world.createPod("granted", { annotations: { [ASK]: "enabled" } });
    const { count, wrong } = checkedAnswers(world.webhook.log());
    expect(wrong).toEqual([]);
    expect(count).toBe(await world.webhook.requests());
  });

  test("are of version v1 alone, and that is the only one asked for", async () => {
    for (const apiVersion of ["admission.k8s.io/v1beta1", "admission.k8s.io/v2", "v1"]) {
      expect(
        (await direct.send("/validate", JSON.stringify(review({ object: asking }, { apiVersion })))).status,
      ).toBe(400);
    }
    const live = await get(world.api, resources.validatingWebhooks, { name: "schedgate" });
    for (const each of live["webhooks"] as Json[]) {
      expect(each).toMatchObject({
        admissionReviewVersions: ["v1"],
        matchPolicy: "Equivalent",
        namespaceSelector: {},
        objectSelector: {},
      });
    }
  });

  test.each<[string, Json]>([
    ["a deletion", { operation: "DELETE", oldObject: asking }],
    ["a connection", { operation: "CONNECT", subResource: "exec", object: { kind: "PodExecOptions" } }],
    ["another subresource", { operation: "UPDATE", subResource: "proxy", object: asking, oldObject: asking }],
    ["another version", { resource: { group: "", version: "v2", resource: "pods" }, object: asking }],
    ["another kind", { kind: { group: "", version: "v1", kind: "Node" }, object: asking }],
    ["no object", { object: null }],
    ["no old object", { operation: "UPDATE", object: asking }],
  ])("to %s are a refusal", async (_, request) => {
    for (const path of ["/mutate", "/validate"]) expect((await judged(request, path)).allowed).toBe(false);
  });
});

describe("a large body", () => {
  const filled = (bytes: number): Json => {
    const body = pod({ annotations: { [ASK]: "enabled" } });
    return { ...body, status: { message: "m".repeat(bytes) } };
  };

  test("of 6 MiB is judged in bounded time, one over 7 MiB is not read", async () => {
    const request = {
      operation: "UPDATE",
      object: filled(3 * 1024 * 1024),
      oldObject: { ...pod(), status: { message: "m".repeat(3 * 1024 * 1024) } },
    };
    const started = Date.now();
    expect((await judged(request)).message).toContain("is protected by HookProfile cpu-isolation");
    expect(Date.now() - started).toBeLessThan(10_000);
    expect((await direct.send("/validate", Buffer.alloc(8 * 1024 * 1024, 32))).status).toBe(413);
  });

  test("of more values than any object has is not read: it would take the time and memory of all others", async () => {
    const values = (count: number): string =>
      JSON.stringify(review({ object: { ...asking, more: Array.from({ length: count }, () => ({})) } }));
    expect(await direct.send("/validate", values(299_000))).toMatchObject({
      status: 200,
      text: expect.stringContaining("is protected by HookProfile cpu-isolation"),
    });
    expect(await direct.send("/validate", values(301_000))).toEqual({
      status: 413,
      text: "the body has too many values\n",
    });
  });

  test("of an ordinary size is judged while large ones come in", async () => {
    // Five of the largest take all the room: who comes then is told when to come again, and the API server does.
    const large = JSON.stringify(review({ object: filled(6 * 1024 * 1024) })).padEnd(7 * 1024 * 1024);
    const flood = { over: false };
    const answers = Promise.allSettled(Array.from({ length: 6 }, () => direct.send("/validate", large)));
    void answers.then(() => (flood.over = true));
    do {
      const line = await world.refused(world.createPod("trading", { annotations: { [ASK]: "enabled" } }));
      expect(line).toContain("is protected by HookProfile cpu-isolation");
    } while (!flood.over);
    expect((await judged({ object: asking })).allowed).toBe(false);
  });
});

describe("bodies", () => {
  test("over all that may be in flight are not read, and their room comes back", async () => {
    const largest = 7 * 1024 * 1024;
    const held = await Promise.all([1, 2, 3].map(() => direct.begin("/validate", largest)));
    const text = JSON.stringify(review({ object: asking }));
    expect((await direct.send("/validate", text)).status).toBe(503);
    // The rest is for others.
    expect((await direct.from("127.0.0.2").send("/validate", text)).status).toBe(200);
    await Promise.all(held.map(({ cut }) => cut));
    expect((await judged({ object: asking })).allowed).toBe(false);
  });
});

describe("whatever is sent", () => {
  const path = fc.array(fc.constantFrom(...REVIEW_KEYS), { minLength: 1, maxLength: 6 });
  const value = fc.oneof(fc.constantFrom(...ODD_VALUES), fc.jsonValue({ maxDepth: 3 }));
  const whole = review({ operation: "UPDATE", object: asking, oldObject: pod() });
  const spoilt = fc.tuple(path, value).map((spoiling) => JSON.stringify(spoil(whole, ...spoiling)));
  const bodies = fc.oneof(
    spoilt,
    fc.json(),
    fc.string(),
    fc.constantFrom("{", "null", "[]", '"', "[".repeat(100_000)),
  );

  test("gets an AdmissionReview or a 4xx, and the webhook lives on", async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom("/mutate", "/validate"), bodies, async (path, body) => {
        const { status, text } = await direct.send(path, body);
        if (status >= 400 && status < 500) return true;
        const { request } = JSON.parse(body) as { request: { uid: string } };
        return status === 200 && complaints(request.uid, path === "/mutate", JSON.parse(text)).length === 0;
      }),
      { numRuns: 400 },
    );
    expect((await judged({ object: asking })).allowed).toBe(false);
    expect((await world.webhook.readyz()).status).toBe(200);
  });

  test.each([
    ["/validate", "text/plain", 415],
    ["/validate", "application/xml", 415],
    ["/", "application/json", 404],
    ["/metrics", "application/json", 404],
  ])("%s as %s: %d", async (path, type, status) => {
    expect((await direct.send(path, JSON.stringify(review({ object: asking })), type)).status).toBe(status);
  });
});
