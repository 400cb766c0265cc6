import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { readPod } from "../../../common/api/pod.ts";
import { resources } from "../../../common/kube/paths.ts";
import type { KubeApi } from "../../../common/kube/port.ts";
import { markOf } from "../../../webhook/admission/mark.ts";
import { create, eventually, get, patch, refusalOf, remove } from "../cluster.ts";
import type { Json } from "../cluster.ts";
import { annotationsOf, ASK, GRANT, grant, pod, profile, specOf } from "../objects.ts";
import { startOtherWebhook } from "./otherwebhook.ts";
import { openWorld } from "./world.ts";
import type { World } from "./world.ts";

const { pods, hookGrants, hookProfiles, runtimeClasses } = resources;

jest.setTimeout(30_000);

let world: World;
let api: KubeApi;

beforeAll(async () => {
  world = await openWorld("asking");
  ({ api } = world);
}, 600_000);

afterAll(() => world.stop(), 60_000);

const asking = { annotations: { [ASK]: "enabled" } };
const wrapper = { name: "wrapper" };

/** Makes a pod; `spec` goes over what the pod has. Its token's volume would have a name of chance. */
async function make(where: string, body: Json, spec: Json = {}): Promise<Json> {
  const { name } = body["metadata"] as { name: string };
  await remove(api, pods, { namespace: where, name });
  const whole = { ...body, spec: { ...specOf(body), automountServiceAccountToken: false, ...spec } };
  return create(api, pods, whole, { namespace: where });
}

/** What the webhook was called for meanwhile. */
async function callsDuring<T>(work: () => Promise<T>): Promise<{ made: T; calls: number }> {
  const before = await world.webhook.requests();
  const made = await work();
  return { made, calls: (await world.webhook.requests()) - before };
}

function judged({ metadata, spec, status }: Json): Json {
  return { annotations: annotationsOf({ metadata }), spec, status };
}

describe("a pod that gets its class from us", () => {
  test("costs two calls, and is stored as one that names the class itself", async () => {
    const tolerations = [{ key: "isolated", operator: "Exists" }];
    const scheduling = { nodeSelector: { "schedgate.dev/isolation": "ready", disk: "fast" }, tolerations };
    await patch(api, runtimeClasses, wrapper, {
      body: { scheduling, overhead: { podFixed: { memory: "8Mi" } } },
    });
    const own = { nodeSelector: { zone: "a" }, tolerations: [{ key: "isolated", value: "1" }] };
    // The API server's own cache of classes may be behind.
    const named = await eventually("the class to be in force", async () => {
      const first = await make("granted", pod({ ...asking, runtimeClassName: "wrapper" }), own);
      return specOf(first)["overhead"] === undefined ? undefined : first;
    });
    const { made, calls } = await callsDuring(() => make("granted", pod(asking), own));
    expect(calls).toBe(2);
    expect(judged(made)).toEqual(judged(named));
    expect(JSON.stringify(made)).not.toContain("done");
    expect(specOf(made)).toMatchObject({ nodeSelector: { ...scheduling.nodeSelector, ...own.nodeSelector } });
    expect(annotationsOf(made)[GRANT]).toBe("granted");
    await patch(api, runtimeClasses, wrapper, { body: { overhead: null } });
  });

  test("is refused where its own node selector contradicts the class, by the API server", async () => {
    const nodeSelector = { "schedgate.dev/isolation": "never" };
    const { status, message } = await refusalOf(make("granted", pod(asking), { nodeSelector }));
    expect(status).toBe(403);
    expect(message).toContain("conflict: runtimeClass.scheduling.nodeSelector[schedgate.dev/isolation]");
  });

  test("gets the class's scheduling as it was at one moment, however short ago it changed", async () => {
    // The API server's own cache of classes may be some changes behind.
    const { scheduling } = (await get(api, runtimeClasses, wrapper)) as { scheduling?: Json };
    await patch(api, runtimeClasses, wrapper, { body: { scheduling: null } });
    const states = [scheduling?.["nodeSelector"], undefined];
    for (let i = 0; i < 8; i += 1) {
      const nodeSelector = { [`moved-${String(i)}`]: "x", same: String(i) };
      states.push(nodeSelector);
      const body = [{ op: "add", path: "/scheduling", value: { nodeSelector } }];
      await patch(api, runtimeClasses, wrapper, { body, as: "json" });
      expect(states).toContainEqual(specOf(await make("granted", pod(asking)))["nodeSelector"]);
    }
  });
});

describe("another webhook after ours, on a pod that got its class from us", () => {
  const extra = {
    name: "added",
    image: "registry.example/none",
    resources: { limits: { cpu: "1", memory: "8Mi" } },
  };
  const annotation = { op: "add", path: "/metadata/annotations/late.example~1x", value: "added" };
  test.each([
    { what: "a protected annotation", step: annotation, grants: "granted,late" },
    {
      what: "a container",
      step: { op: "add", path: "/spec/containers/-", value: extra },
      grants: "granted",
    },
  ])("may add $what: the mutating webhook is asked again", async ({ step, grants }) => {
    const late = await startOtherWebhook(api, {
      kind: "mutating",
      rule: { resources: ["pods"], operations: ["CREATE"] },
      more: { objectSelector: { matchExpressions: [{ key: "late", operator: "Exists" }] } },
      answer: () => ({
        patchType: "JSONPatch",
        patch: Buffer.from(JSON.stringify([step])).toString("base64"),
      }),
    });
    await create(api, hookProfiles, profile("late", { protects: { annotations: ["late.example/*"] } }));
    await create(api, hookGrants, grant("late", "granted", { profileName: "late" }));
    try {
      const labelled = pod({ ...asking, labels: { late: "yes" } });
      const calls = await eventually("the other webhook and the profile to be in force", async () => {
        const { made, calls: counted } = await callsDuring(() =>
          make("granted", labelled).catch(() => undefined),
        );
        const named = made !== undefined && annotationsOf(made)[GRANT] === grants;
        return named && JSON.stringify(made).includes('"added"') ? counted : undefined;
      });
      expect(calls).toBe(3);
    } finally {
      await late.stop();
      await remove(api, hookGrants, { name: "late" });
      await remove(api, hookProfiles, { name: "late" });
    }
  });
});

describe("the mark that keeps the mutating webhook from being asked again", () => {
  const marked = (body: Json): Json => ({ ...body, status: { reason: markOf(readPod(body, "granted")) } });

  test("brings nothing to who forges it", async () => {
    const wanting = pod(asking);
    expect(await world.refused(make("trading", marked(wanting)))).toContain("no HookGrant covers");
    const forged = pod({
      annotations: { [ASK]: "enabled", [GRANT]: "granted,x" },
      runtimeClassName: "wrapper",
    });
    expect(await world.refused(make("granted", marked(forged)))).toContain("is written by schedgate alone");
    expect(annotationsOf(await make("granted", forged))[GRANT]).toBe("granted");
  });

  test("means nothing on a pod that is there already", async () => {
    const made = await make("granted", pod({ annotations: { plain: "1" } }));
    const metadata = { annotations: { plain: "1", ...asking.annotations } };
    // With the numbers that the pod has when it is patched: two annotations, the grant's not among them.
    const { status } = marked({ ...made, metadata: asking });
    const at = { namespace: "granted", name: "engine-0", subresource: "status" };
    const after = await patch(api, pods, at, { body: { metadata, status } });
    expect(annotationsOf(after)[GRANT]).toBe("granted");
  });
});
