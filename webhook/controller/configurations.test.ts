import { describe, expect, test } from "@jest/globals";
import type { KubeRequest } from "../../common/kube/port.ts";
import { KubeApiError } from "../../common/kube/port.ts";
import { silentLogger } from "../../common/log.ts";
import { now, profileOf } from "../policy/testing.ts";
import { callAsWanted, Configurations } from "./configurations.ts";
import { differences } from "./drift.ts";
import { webhooksOf } from "./webhooks.ts";

const namespace = "schedgate-system";
const place = { namespace, target: { service: { namespace, name: "schedgate-webhook" } } };
const wanted = {
  mutate: webhooksOf("mutate", [], place, ""),
  validate: webhooksOf("validate", [], place, ""),
};

const want = () => Promise.resolve(wanted);

/** Both configurations in memory; `enforce` is what somebody else makes of each write. */
function setUp(
  enforce: (webhooks: Record<string, unknown>[]) => Record<string, unknown>[],
  conflict = false,
) {
  const live: Record<string, unknown> = {};
  const logged: object[] = [];
  const request = (call: KubeRequest): Promise<unknown> => {
    if (call.method === "PUT" && conflict)
      return Promise.reject(new KubeApiError(call, { status: 409, reason: "Conflict", message: "changed" }));
    if (call.method === "PUT")
      live[call.path] = enforce((call.body as { webhooks: Record<string, unknown>[] }).webhooks);
    return Promise.resolve({
      metadata: { name: "schedgate", resourceVersion: "1" },
      webhooks: live[call.path],
    });
  };
  const watch = (): never => {
    throw new Error("not watched");
  };
  const log = { ...silentLogger, info: (fields: object) => logged.push(fields) };
  const clock = { now: () => now, sleep: () => Promise.resolve() };
  const options = { api: { request, watch }, clock, log, name: "schedgate", onChange: () => undefined };
  return { configurations: new Configurations(options), logged };
}

describe("both configurations", () => {
  test("are written, and then found right", async () => {
    const { configurations } = setUp((webhooks) => webhooks);
    expect(await configurations.putRight(want)).toBe("wrote");
    expect(await configurations.putRight(want)).toBe("right");
  });

  test("that another replica wrote first are not known to be right", async () => {
    const { configurations } = setUp((webhooks) => webhooks, true);
    expect(await configurations.putRight(want)).toBe("raced");
  });

  test("that somebody changes again and again are written, and the log names what differs", async () => {
    const namespaceSelector = { matchExpressions: [{ key: "control-plane", operator: "DoesNotExist" }] };
    const { configurations, logged } = setUp((webhooks) =>
      webhooks.map((each) => ({ ...each, namespaceSelector })),
    );
    await configurations.putRight(want);
    expect(await configurations.putRight(want)).toBe("wrote");
    expect(logged.at(-1)).toMatchObject({
      differs: wanted.validate.map((_, i) => `webhooks[${String(i)}].namespaceSelector.matchExpressions`),
    });
  });
});

test("a leader of another version, which has other calls sent to the same place, keeps no replica from being ready", () => {
  const lenient = profileOf("lenient", { protects: { annotations: ["a/b"] }, enforcement: "Warn" });
  const [fewer, more] = [wanted.validate, webhooksOf("validate", [lenient], place, "")];
  expect(more.length).toBeGreaterThan(fewer.length);
  expect(callAsWanted(fewer, more)).toBe(true);
  expect(callAsWanted(more, fewer)).toBe(true);
  expect(callAsWanted([], more)).toBe(false);
  expect(callAsWanted([...fewer, { clientConfig: { url: "https://elsewhere" } }], more)).toBe(false);
  expect(callAsWanted(fewer, webhooksOf("validate", [], place, "another CA"))).toBe(false);
});

test("differences are named by the innermost field, a few of them", () => {
  expect(differences({ a: [{ b: 1, c: 2 }], d: 1 }, { a: [{ b: 1, c: 3 }] })).toEqual(["a[0].c", "d"]);
  expect(
    differences(
      Array.from({ length: 50 }, (_, i) => i),
      [],
    ),
  ).toHaveLength(10);
  expect(differences({ a: 1 }, { a: 1 })).toEqual([]);
});
