import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { matchGlob, parseGlob } from "../../common/glob.ts";
import { pathOf, resources } from "../../common/kube/paths.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import { readBundle } from "../../certs/verify.ts";
import {
  create,
  eventually,
  get,
  namespace,
  patch,
  refusalOf,
  remove,
  startCluster,
  tryPod,
} from "./cluster.ts";
import type { Cluster, Json } from "./cluster.ts";
import { annotationsOf, ASK, grant, pod, profile } from "./objects.ts";
import { freePorts } from "../lab/ports.ts";
import { startWebhook } from "./webhook.ts";
import type { Webhook, WebhookOptions } from "./webhook.ts";

const { pods, hookGrants, hookProfiles, mutatingWebhooks, runtimeClasses, secrets, validatingWebhooks } =
  resources;
const secretAt = { namespace: "schedgate-system", name: "schedgate-webhook-ca" };

// A webhook takes seconds to start where the machine is busy.
jest.setTimeout(60_000);

let cluster: Cluster;
let api: KubeApi;
let running: Webhook[] = [];

beforeAll(async () => {
  cluster = await startCluster("configuration");
  ({ api } = cluster);
  await namespace(api, "plain");
}, 600_000);

async function stopAll(): Promise<void> {
  await Promise.all(running.map((each) => each.stop()));
  running = [];
}

afterEach(stopAll, 30_000);

afterAll(async () => {
  await cluster.stop();
}, 60_000);

async function start(...options: WebhookOptions[]): Promise<Webhook[]> {
  const starts = (options.length === 0 ? [{}] : options).map(async (each) => {
    running.push(await startWebhook(cluster, each));
  });
  await Promise.all(starts);
  await Promise.all(running.map((each) => each.ready()));
  return running;
}

async function live(): Promise<Json[]> {
  const both = [mutatingWebhooks, validatingWebhooks].map((each) => get(api, each, { name: "schedgate" }));
  return (await Promise.all(both)).flatMap((each) => (each["webhooks"] ?? []) as Json[]);
}

async function bundles(): Promise<string[]> {
  return (await live()).map(({ clientConfig }) =>
    Buffer.from((clientConfig as { caBundle: string }).caBundle, "base64").toString("utf8"),
  );
}

/** How many requests these pods send to the webhook; a pod that is judged is judged twice. */
async function requestsFor(webhook: Webhook, bodies: readonly Json[]): Promise<number> {
  const before = await webhook.requests();
  for (const body of bodies) await tryPod(api, "plain", body).catch(() => undefined);
  return (await webhook.requests()) - before;
}

function keyed(key: string): Json {
  return pod({ annotations: { [key]: "x" } });
}

/** Waits until pods with this annotation arrive, or no longer do. */
async function expectCaught(webhook: Webhook, key: string, caught: boolean): Promise<void> {
  await eventually(
    `pods with ${key} to ${caught ? "" : "not "}arrive`,
    async () => ((await requestsFor(webhook, [keyed(key)])) > 0 === caught ? true : undefined),
    5_000,
  );
}

describe("ordinary pods", () => {
  test("never reach the webhook, whatever happens to them", async () => {
    const [webhook] = await start();
    const at = { namespace: "plain", name: "ordinary" };
    const annotations = { "example.com/a": "b", "schedgate.dev/other": "x" };
    const body = pod({ name: "ordinary", annotations, finalizers: ["example.com/wait"] });
    await create(api, pods, body, { namespace: "plain" });
    await patch(api, pods, at, {
      body: { metadata: { labels: { a: "b" }, annotations: { "example.com/a": "c" } } },
    });
    await patch(api, pods, { ...at, subresource: "status" }, { body: { status: { phase: "Running" } } });
    await remove(api, pods, at);
    await patch(api, pods, at, { body: { metadata: { finalizers: null } } });
    expect(await webhook?.requests()).toBe(0);
    expect(await requestsFor(webhook as Webhook, [keyed(ASK)])).toBe(2);
  });

  test("are made and changed with 2,000 annotations", async () => {
    const [webhook] = (await start()) as [Webhook];
    const letters = "abcdefghijklmnopqrstuvwxyz0123456789";
    const keys = Array.from({ length: 2_000 }, (_, i) =>
      [i % 36, Math.floor(i / 36) % 36, Math.floor(i / 1296)].map((each) => letters[each]).join(""),
    );
    const annotations = Object.fromEntries(keys.map((each) => [each, ""]));
    await create(api, pods, pod({ name: "many", annotations }), { namespace: "plain" });
    const at = { namespace: "plain", name: "many" };
    await patch(api, pods, at, { body: { metadata: { labels: { a: "b" }, annotations: { aaa: null } } } });
    await patch(api, pods, { ...at, subresource: "status" }, { body: { status: { phase: "Running" } } });
    await remove(api, pods, at);
    expect(await webhook.requests()).toBe(0);
  });

  test("are made while the webhook is down; protected ones are refused", async () => {
    const [webhook] = await start();
    await webhook?.stop();
    await tryPod(api, "plain", pod());
    const error = await refusalOf(tryPod(api, "plain", keyed(ASK)));
    expect(error.status).toBe(500);
    expect(error.message).toContain('failed calling webhook "mutate.schedgate.dev"');
  });

  test("include what only a profile that warns protects: it is warned about, and made while the webhook is down", async () => {
    const [webhook] = (await start()) as [Webhook];
    const protects = { annotations: ["lenient.example/*"] };
    await create(api, hookProfiles, profile("lenient", { protects, enforcement: "Warn" }));
    await expectCaught(webhook, "lenient.example/x", true);
    const manifest = JSON.stringify({ apiVersion: "v1", kind: "Pod", ...keyed("lenient.example/x") });
    const dryRun = ["-n", "plain", "create", "--dry-run=server", "-f", "-"];
    const told = await cluster.lab.kubectl(dryRun, manifest);
    expect(told).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("protected by HookProfile lenient"),
    });
    await webhook.stop();
    await tryPod(api, "plain", keyed("lenient.example/x"));
    const both = pod({ annotations: { "lenient.example/x": "x", [ASK]: "enabled" } });
    expect((await refusalOf(tryPod(api, "plain", both))).message).toContain("failed calling webhook");
    await remove(api, hookProfiles, { name: "lenient" });
  });

  // Only the webhook can tell the handler behind a class, which may be a moment old.
  test("that name a class need the webhook up, though nothing protects that class", async () => {
    await create(api, runtimeClasses, { metadata: { name: "sandboxed" }, handler: "sandboxed" });
    const [webhook] = await start();
    const body = pod({ runtimeClassName: "sandboxed" });
    expect(annotationsOf(await tryPod(api, "plain", body))).toEqual({});
    await webhook?.stop();
    const error = await refusalOf(tryPod(api, "plain", body));
    expect(error.status).toBe(500);
    expect(error.message).toContain('failed calling webhook "mutate.schedgate.dev"');
    await tryPod(api, "plain", pod());
  });
});

describe("what is caught", () => {
  test("follows the profiles, and is nothing ordinary where there is none", async () => {
    const [webhook] = (await start()) as [Webhook];
    await create(api, hookProfiles, profile("more", { protects: { annotations: ["vendor.example/*"] } }));
    await expectCaught(webhook, "vendor.example/pinned", true);
    await remove(api, hookProfiles, { name: "more" });
    await expectCaught(webhook, "vendor.example/pinned", false);

    const before = await get(api, hookProfiles, { name: "cpu-isolation" });
    await remove(api, hookProfiles, { name: "cpu-isolation" });
    await expectCaught(webhook, ASK, false);
    expect(await requestsFor(webhook, [pod({ runtimeClassName: "wrapper" })])).toBe(0);
    for (const { matchConditions } of await live()) expect(matchConditions).toHaveLength(1);
    await create(api, hookProfiles, profile("cpu-isolation", before["spec"] as Json));
    await expectCaught(webhook, ASK, true);
  });

  test.each([
    ["disabled", "enabled", true],
    ["off", "enabled", true],
    ["enabled", "enabled", false],
    ["disabled", "disabled", false],
    ["disabled", undefined, false],
  ])(
    "is the loss of a container's own word (%s) where by that it asks with the whole pod (%s): %s",
    async (own, whole, caught) => {
      const [webhook] = (await start()) as [Webhook];
      const request = { annotation: "words.example/ask" };
      await create(api, hookProfiles, profile("words", { protects: {}, request, enforcement: "Warn" }));
      await expectCaught(webhook, "words.example/ask", true);
      const form = "ask.words.example/main";
      const annotations = { [form]: own, ...(whole !== undefined && { [request.annotation]: whole }) };
      await create(api, pods, pod({ name: "words", annotations }), { namespace: "plain" });
      const before = await webhook.requests();
      const at = { namespace: "plain", name: "words" };
      await patch(api, pods, at, { body: { metadata: { annotations: { [form]: null } } } });
      expect((await webhook.requests()) > before).toBe(caught);
      await remove(api, pods, at);
      await remove(api, hookProfiles, { name: "words" });
    },
  );

  test("is exactly what the globs match", async () => {
    const [webhook] = (await start()) as [Webhook];
    const globs = [
      "a.example/x-*",
      "*.b.example/[a-c]?",
      "c.example/\\[*",
      "d.example/[^a-z]*",
      "[z-a]",
      "e.*/q",
      "'\"",
      "f.example/a*b*c",
    ];
    await create(api, hookProfiles, profile("globs", { protects: { annotations: globs } }));
    await expectCaught(webhook, "a.example/x-1", true);
    const keys = [
      ...[
        "a.example/x-",
        "a.example/x",
        "a.example/y-x-",
        "x.b.example/a1",
        "x.b.example/d1",
        "b.example/a1",
      ],
      ...[
        "x.b.example/a",
        "y.x.b.example/c-c",
        "d.example/A",
        "d.example/a",
        "d.example/1a",
        "e.x/q",
        "e.x.y/q",
      ],
      ...["e.x/qq", "z", "f.example/abc", "f.example/axxbxxc", "f.example/axxbxx", "xe.x/q"],
    ];
    const caught: string[] = [];
    for (const key of keys) if ((await requestsFor(webhook, [keyed(key)])) > 0) caught.push(key);
    const parsed = globs.map(parseGlob);
    expect(caught).toEqual(keys.filter((key) => parsed.some((glob) => matchGlob(glob, key))));
    await remove(api, hookProfiles, { name: "globs" });
  });

  test.each<[string, (i: number) => string]>([
    ["globs", (i) => `*${"?a".repeat(156)}${String(i).padStart(3, "0")}*`],
    ["classes", (i) => `[^a-c]${"[A-Z]".repeat(60)}${String(i).padStart(3, "0")}[0-9]`],
    ["names", (i) => `${"p".repeat(253)}/${"n".repeat(60)}${String(i).padStart(3, "0")}`],
  ])(
    "costs little enough with three of the largest profiles (%s) and many annotations",
    async (name, glob) => {
      const [webhook] = (await start()) as [Webhook];
      const profiles = [0, 1, 2].map((i) => `${name}-${String(i)}`);
      for (const [i, each] of profiles.entries()) {
        const globs = Array.from({ length: 63 }, (_, j) => glob(i * 63 + j));
        await create(
          api,
          hookProfiles,
          profile(each, { protects: { annotations: [...globs, `${each}/x`] } }),
        );
      }
      for (const each of profiles) await expectCaught(webhook, `${each}/x`, true);
      const many = Array.from({ length: 100 }, (_, i) => [
        `${"k".repeat(60)}.example/${"k".repeat(55)}${String(i)}`,
        "x",
      ]);
      const body = pod({ annotations: Object.fromEntries(many) as Record<string, string> });
      expect(await requestsFor(webhook, [body])).toBe(0);
      await expect(tryPod(api, "plain", body)).resolves.toBeDefined();
      for (const each of profiles) await remove(api, hookProfiles, { name: each });
      await expectCaught(webhook, `${name}-0/x`, false);
    },
  );
});

describe("both configurations", () => {
  test("are put right when somebody changes them", async () => {
    await start();
    const before = await live();
    expect(before.length).toBeGreaterThan(2);
    const weaker = (webhook: unknown): Json => ({ ...(webhook as Json), failurePolicy: "Ignore", rules: [] });
    // One that was emptied may be written anew where one that was weakened is left so.
    for (const change of [(all: Json[]) => all.map(weaker), () => []]) {
      for (const each of [mutatingWebhooks, validatingWebhooks]) {
        const { webhooks } = await get(api, each, { name: "schedgate" });
        await patch(api, each, { name: "schedgate" }, { body: { webhooks: change(webhooks as Json[]) } });
      }
      const repaired = await eventually("both to be as before", async () => {
        const now = await live();
        return JSON.stringify(now) === JSON.stringify(before) ? now : undefined;
      });
      expect(repaired).toEqual(before);
    }
  });

  test("are left alone where they are right", async () => {
    await start();
    const versions = async (): Promise<unknown[]> => {
      const both = [mutatingWebhooks, validatingWebhooks].map((each) =>
        get(api, each, { name: "schedgate" }),
      );
      return (await Promise.all(both)).map(({ metadata }) => (metadata as Json)["resourceVersion"]);
    };
    const before = await versions();
    // A grant wakes the controller, and its status shows that it went round.
    await create(api, hookGrants, grant("wake", "plain"));
    await eventually(
      "the grant's status",
      async () => (await get(api, hookGrants, { name: "wake" }))["status"],
    );
    expect(await versions()).toEqual(before);
    await remove(api, hookGrants, { name: "wake" });
  });
});

describe("the CA", () => {
  test("is one, when two replicas begin at the same moment", async () => {
    const [trusted = ""] = await bundles();
    await api.request({
      method: "PATCH",
      path: pathOf(secrets, secretAt),
      body: { data: { "ca.crt": null, "ca.key": null, "ca-bundle.crt": null } },
    });
    const [port = 0] = await freePorts(1);
    const url = `https://127.0.0.1:${String(port)}`;
    const [first, second] = (await start({ name: "a", url, port }, { name: "b", url })) as [Webhook, Webhook];
    expect(await first.readyz()).toEqual({ status: 200, text: "ok" });
    expect(await second.readyz()).toEqual({ status: 200, text: "ok" });
    const made = [...first.log(), ...second.log()].filter(
      (line) => line["msg"] === "another CA signs from now on",
    );
    expect(made).toHaveLength(1);
    const all = await bundles();
    expect(new Set(all).size).toBe(1);
    // Beside those that were trusted before: somebody may still serve with one of them.
    expect(readBundle(all[0] ?? "")).toHaveLength(readBundle(trusted).length + 1);
    // The one that leads lets go of its lease: the next test need not wait for its end.
    await Promise.all([first, second].map((each) => each.stop("SIGTERM")));
  });

  test("is the same after a restart", async () => {
    await start();
    const before = await bundles();
    await stopAll();
    await start();
    expect(await bundles()).toEqual(before);
  });

  test("that is lost is put back by a webhook that knows it", async () => {
    await start();
    const before = await get(api, secrets, secretAt);
    const data = { "ca.crt": null, "ca.key": null, "ca-bundle.crt": null };
    await patch(api, secrets, secretAt, { body: { data } });
    const after = await eventually("the CA to be put back", async () => {
      const { data: now } = await get(api, secrets, secretAt);
      return (now as Json)["ca.key"] === undefined ? undefined : now;
    });
    expect(after).toEqual(before["data"]);
  });
});

describe("a webhook that is told to end", () => {
  test("says so, serves on for a while, and ends by itself", async () => {
    const [webhook] = (await start({ env: { SCHEDGATE_DRAIN_SECONDS: "8" } })) as [Webhook];
    await expectCaught(webhook, ASK, true);
    const ended = webhook.stop("SIGTERM");
    await eventually("not to be ready", async () =>
      (await webhook.readyz()).text === "shutting down" ? true : undefined,
    );
    expect((await refusalOf(tryPod(api, "plain", keyed(ASK)))).status).toBe(403);
    expect(await ended).toBe(0);
    expect(webhook.log().map((line) => line["msg"])).toContain("draining");
  });
});
