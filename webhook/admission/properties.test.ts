import { expect, test } from "@jest/globals";
import fc from "fast-check";
import jsonpatch from "fast-json-patch";
import { silentLogger } from "../../common/log.ts";
import { cpuIsolation, grantOf, now, profileOf, rulesOf } from "../policy/testing.ts";
import { admit } from "./admit.ts";
import type { Webhook } from "./admit.ts";
import { complaints } from "./conformance.ts";
import { readReview } from "./review.ts";
import type { AdmissionRequest } from "./review.ts";

const ASK = "schedgate.dev/cpu-isolation";
const second = profileOf("second", { protects: { runtimeHandlers: ["wrapper"], annotations: ["a*/*"] } });
const rules = rulesOf([cpuIsolation, second], [grantOf("a"), grantOf("b", { profileName: "second" })]);

interface Response {
  allowed: boolean;
  status?: { message: string };
  patch?: string;
}

async function answer(webhook: Webhook, request: AdmissionRequest): Promise<Response> {
  const review = await admit(webhook, request, {
    rules: () => rules,
    cluster: { handlerOf: () => Promise.resolve("wrapper"), livePod: () => Promise.resolve(undefined) },
    room: { reserve: () => Promise.resolve(undefined), release: () => undefined },
    clock: { now: () => now, sleep: () => Promise.resolve() },
    log: silentLogger,
    count: () => undefined,
  });
  expect(complaints(request.uid, webhook === "mutate", review)).toEqual([]);
  return (review as { response: Response }).response;
}

function create(object: unknown): AdmissionRequest {
  return {
    uid: "u",
    kind: { group: "", version: "v1", kind: "Pod" },
    resource: { group: "", version: "v1", resource: "pods" },
    namespace: "trading",
    operation: "CREATE",
    userInfo: { username: "someone", groups: [] },
    object,
  };
}

/** What the mutating webhook makes of a pod. */
async function mutated(pod: object): Promise<object> {
  const { patch = "W10=" } = await answer("mutate", create(pod));
  const steps = JSON.parse(Buffer.from(patch, "base64").toString("utf8")) as jsonpatch.Operation[];
  return jsonpatch.applyPatch(structuredClone(pod), steps, true).newDocument;
}

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
      expect(await answer("validate", create(once))).toMatchObject({ allowed: true });
    }),
    { numRuns: 500 },
  );
});

test("whatever a review holds, it is refused as none, or answered", async () => {
  const step = fc.constantFrom(
    "request",
    "object",
    "oldObject",
    "metadata",
    "annotations",
    "spec",
    "containers",
    "0",
    "resources",
    "limits",
    "cpu",
    "userInfo",
    "groups",
    "kind",
    "resource",
    "uid",
    "name",
    "subResource",
  );
  const values = fc.oneof(
    fc.constantFrom<unknown>(null, "", 0, [], {}, [null], "__proto__"),
    fc.jsonValue({ maxDepth: 3 }),
  );
  await fc.assert(
    fc.asyncProperty(
      pods,
      fc.array(step, { minLength: 1, maxLength: 6 }),
      values,
      async (pod, steps, value) => {
        const request = { ...create(pod), operation: "UPDATE", oldObject: pod };
        const review = { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", request };
        let at = review as unknown as Record<string, unknown>;
        for (const each of steps.slice(0, -1)) {
          if (typeof at[each] !== "object" || at[each] === null) break;
          at = at[each] as Record<string, unknown>;
        }
        at[steps.at(-1) ?? ""] = value;
        let read: AdmissionRequest;
        try {
          read = readReview(Buffer.from(JSON.stringify(review)));
        } catch (error) {
          expect(error).toMatchObject({ code: "E_REVIEW" });
          return;
        }
        for (const webhook of ["mutate", "validate"] as const) await answer(webhook, read);
      },
    ),
    { numRuns: 1000 },
  );
});
