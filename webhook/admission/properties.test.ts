import { expect, test } from "@jest/globals";
import fc from "fast-check";
import jsonpatch from "fast-json-patch";
import { silentLogger } from "../../common/log.ts";
import type { Rules } from "../policy/decide.ts";
import { withHolders } from "../policy/room.ts";
import { cpuIsolation, grantOf, holderOf, now, profileOf, rulesOf } from "../policy/testing.ts";
import { admit } from "./admit.ts";
import type { Webhook } from "./admit.ts";
import type { Room } from "./room.ts";
import { complaints } from "./conformance.ts";
import { readReview } from "./review.ts";
import type { AdmissionRequest } from "./review.ts";
import { ODD_VALUES, podCreate, REVIEW_KEYS, spoil } from "./testing.ts";

const ASK = "schedgate.dev/cpu-isolation";
const second = profileOf("second", { protects: { runtimeHandlers: ["wrapper"], annotations: ["a*/*"] } });
const rules = rulesOf([cpuIsolation, second], [grantOf("a"), grantOf("b", { profileName: "second" })]);

interface Response {
  allowed: boolean;
  status?: { message: string };
  patch?: string;
}

const roomy: Room = { reserve: () => Promise.resolve(undefined), release: () => undefined };

async function answer(
  webhook: Webhook,
  request: AdmissionRequest,
  by: { rules?: Rules; room?: Room } = {},
): Promise<Response> {
  const review = await admit(webhook, request, {
    rules: () => by.rules ?? rules,
    cluster: { handlerOf: () => Promise.resolve("wrapper"), livePod: () => Promise.resolve(undefined) },
    room: by.room ?? roomy,
    clock: { now: () => now, sleep: () => Promise.resolve() },
    log: silentLogger,
    count: () => undefined,
  });
  expect(complaints(request.uid, webhook === "mutate", review)).toEqual([]);
  return (review as { response: Response }).response;
}

/** What the mutating webhook makes of a pod. */
async function mutated(pod: object, by: { rules?: Rules } = {}): Promise<object> {
  const { patch = "W10=" } = await answer("mutate", podCreate(pod), by);
  const steps = JSON.parse(Buffer.from(patch, "base64").toString("utf8")) as jsonpatch.Operation[];
  return jsonpatch.applyPatch(structuredClone(pod), steps, true).newDocument;
}

const bare = { metadata: { name: "p" }, spec: { containers: [{ name: "main" }] } };
const resources = { limits: { cpu: "2", memory: "1Gi" } };
const keys = fc.constantFrom(
  ASK,
  "cpu-isolation.schedgate.dev/main",
  "cpu-load-balancing.crio.io",
  "a~1/b~0",
  "plain",
  "schedgate.dev/grant",
);
const pods = fc
  .tuple(
    fc.option(fc.dictionary(keys, fc.constantFrom("enabled", "disabled")), { nil: undefined }),
    fc.constantFrom(
      {},
      { runtimeClassName: "" },
      { runtimeClassName: "wrapper" },
      { runtimeClassName: "alias" },
    ),
  )
  // Asking as a whole while the only container says no is refused, whatever is granted.
  .filter(([map]) => map?.[ASK] !== "enabled" || map["cpu-isolation.schedgate.dev/main"] !== "disabled")
  .map(([annotations, spec]) => ({
    metadata: { name: "p", ...(annotations && { annotations }) },
    spec: { containers: [{ name: "main", resources }], ...spec },
  }));

test("a pod whose every use is granted is never refused after the mutating webhook, which is done in one go", async () => {
  await fc.assert(
    fc.asyncProperty(pods, async (pod) => {
      const once = await mutated(pod);
      expect(await mutated(once)).toEqual(once);
      expect(await answer("validate", podCreate(once))).toMatchObject({ allowed: true });
    }),
    { numRuns: 500 },
  );
});

test("under Warn and Audit no pod is refused for what it uses, whatever is granted, full or not known", async () => {
  const enforcement = fc.constantFrom("Warn" as const, "Audit" as const);
  const soft = fc.tuple(enforcement, enforcement).map((modes) =>
    [cpuIsolation, second].map((each, i) => ({
      ...each,
      spec: { ...each.spec, enforcement: modes[i] ?? "Warn" },
    })),
  );
  const limited = [
    grantOf("a", { limits: { pods: 1 } }),
    grantOf("b", { profileName: "second", limits: { isolatedCPUs: 1 } }),
    grantOf("c", { notAfter: "2020-01-01T00:00:00Z" }),
  ];
  const held = fc.subarray([
    ...limited,
    withHolders(grantOf("d", { limits: { pods: 1 } }), [holderOf("x", 2)]),
  ]);
  const rooms = fc.constantFrom<Room>(roomy, {
    ...roomy,
    reserve: () => Promise.reject(new Error("no answer")),
  });
  await fc.assert(
    fc.asyncProperty(pods, held, rooms, soft, async (pod, grants, room, profiles) => {
      const by = { rules: rulesOf(profiles, grants), room };
      const { metadata, ...rest } = (await mutated(pod, by)) as { metadata: object };
      const created = { ...rest, metadata: { ...metadata, uid: "u" } };
      expect(await answer("validate", podCreate(created), by)).toMatchObject({ allowed: true });
      const update = podCreate(created, { operation: "UPDATE", oldObject: bare });
      expect(await answer("validate", update, by)).toMatchObject({ allowed: true });
    }),
    { numRuns: 500 },
  );
});

test("whatever a review holds, it is refused as none, or answered", async () => {
  const path = fc.array(fc.constantFrom(...REVIEW_KEYS), { minLength: 1, maxLength: 6 });
  const value = fc.oneof(fc.constantFrom(...ODD_VALUES), fc.jsonValue({ maxDepth: 3 }));
  const reviews = fc.tuple(pods, path, value).map(([pod, ...spoiling]) => {
    const request = podCreate(pod, { operation: "UPDATE", oldObject: pod });
    return spoil({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", request }, ...spoiling);
  });
  await fc.assert(
    fc.asyncProperty(reviews, async (review) => {
      let read: AdmissionRequest;
      try {
        read = readReview(Buffer.from(JSON.stringify(review)));
      } catch (error) {
        expect(error).toMatchObject({ code: "E_REVIEW" });
        return;
      }
      for (const webhook of ["mutate", "validate"] as const) await answer(webhook, read);
    }),
    { numRuns: 1000 },
  );
});
