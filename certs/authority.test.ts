import { describe, expect, test } from "@jest/globals";
import type { Clock } from "../common/clock.ts";
import { KubeApiError } from "../common/kube/port.ts";
import type { KubeApi, KubeRequest } from "../common/kube/port.ts";
import { silentLogger } from "../common/log.ts";
import { ensureAuthority, ROTATE_ANNOTATION } from "./authority.ts";
import type { AuthorityOptions, Known } from "./authority.ts";
import { CA_LIFE_MS, issueCa, issueLeaf, LEAF_LIFE_MS } from "./issue.ts";
import type { Held } from "./rotation.ts";
import { isTrusted, readBundle } from "./verify.ts";

const start = new Date("2026-06-01T00:00:00Z");

interface Stored {
  version: number;
  data: Record<string, string>;
  annotations?: Record<string, string>;
}

/** One Secret with the API server's compare-and-swap; the real one is used in test/apiserver. */
function secretApi(stored: Stored | undefined): KubeApi {
  return {
    request: (call: KubeRequest) => Promise.resolve().then(() => answer(call)),
    watch: () => {
      throw new Error("not watched");
    },
  };
  function answer(call: KubeRequest): unknown {
    if (stored === undefined)
      throw new KubeApiError(call, { status: 404, reason: "NotFound", message: "no secret" });
    if (call.method === "GET")
      return {
        metadata: { resourceVersion: String(stored.version), annotations: stored.annotations },
        data: stored.data,
      };
    const body = call.body as { metadata: { resourceVersion: string } } & {
      metadata: { annotations: Record<string, string> };
      data: Record<string, string>;
    };
    if (body.metadata.resourceVersion !== String(stored.version)) {
      throw new KubeApiError(call, { status: 409, reason: "Conflict", message: "changed" });
    }
    stored.version += 1;
    stored.data = body.data;
    stored.annotations = body.metadata.annotations;
    return {};
  }
}

function options(api: KubeApi, now = start): AuthorityOptions {
  const clock: Clock = { now: () => now, sleep: () => Promise.resolve() };
  return { api, clock, log: silentLogger, path: "/api/v1/namespaces/a/secrets/ca" };
}

function known(more: Partial<Known> = {}): Known {
  return { isKnown: () => false, last: undefined, trusted: "", ...more };
}

function later(part: number): Date {
  return new Date(start.getTime() + CA_LIFE_MS * part);
}

/** One look, at that moment. */
function look(stored: Stored | undefined, at = start, more: Partial<Known> = {}): Promise<Held> {
  return ensureAuthority(options(secretApi(stored), at), known(more));
}

function trusts(held: Held, ca: Held, at: Date): boolean {
  return isTrusted(issueLeaf(ca.signing, [{ dns: "a" }], at).certificate, held.bundle, at);
}

describe("the CA in its Secret", () => {
  test("is made once, however many replicas start at the same moment", async () => {
    const api = secretApi({ version: 1, data: {} });
    const all = await Promise.all([1, 2, 3, 4].map(() => ensureAuthority(options(api), known())));
    expect(new Set(all.map((each) => each.signing.certificate)).size).toBe(1);
    expect(readBundle(all[0]?.bundle ?? "")).toHaveLength(1);
  });

  test("keeps what else the Secret holds", async () => {
    const stored = { version: 1, data: { other: "eA==" }, annotations: { "example.com/a": "b" } };
    await look(stored);
    expect(stored.data).toMatchObject({ other: "eA==" });
    expect(stored.annotations).toEqual({ "example.com/a": "b" });
  });

  test("has a successor that is trusted after half of its life, and signs only when all know it", async () => {
    const stored: Stored = { version: 1, data: {} };
    const first = await look(stored);
    expect(await look(stored, later(0.49))).toEqual(first);
    const half = await look(stored, later(0.51));
    expect(half.signing).toEqual(first.signing);
    expect(readBundle(half.bundle)).toHaveLength(2);
    expect(await look(stored, later(0.6), { isKnown: () => true })).toEqual(half);
    expect(await look(stored, later(0.68))).toEqual(half);
    const second = await look(stored, later(0.68), { isKnown: () => true });
    expect(second.signing).toEqual(half.next);
    expect(trusts(second, first, later(0.68))).toBe(true);
  });

  test("stays trusted after it signed its last until that leaf is over, and no longer", async () => {
    const stored: Stored = { version: 1, data: {} };
    const first = await look(stored);
    await look(stored, later(0.51));
    const at = later(0.68);
    await look(stored, at, { isKnown: () => true });
    const lastLeaf = new Date(at.getTime() + LEAF_LIFE_MS);
    expect(trusts(await look(stored, lastLeaf), first, at)).toBe(true);
    const after = await look(stored, new Date(lastLeaf.getTime() + 2 * 24 * 3_600_000));
    expect(readBundle(after.bundle)).toHaveLength(1);
    expect(trusts(after, first, at)).toBe(false);
  });

  test("is rotated when an admin asks, in the same two steps, once", async () => {
    const stored: Stored = { version: 1, data: {} };
    const first = await look(stored);
    stored.annotations = { [ROTATE_ANNOTATION]: "now", "example.com/a": "b" };
    const made = await look(stored);
    expect([made.signing, readBundle(made.bundle).length]).toEqual([first.signing, 2]);
    expect((await look(stored)).signing).toEqual(first.signing);
    const second = await look(stored, start, { isKnown: (ca) => ca === made.next.certificate });
    expect(second.signing).toEqual(made.next);
    expect(stored.annotations).toEqual({ "example.com/a": "b" });
    expect(await look(stored, start, { isKnown: () => true })).toEqual(second);
  });

  test("that was emptied is put back by a replica that knows it", async () => {
    const stored: Stored = { version: 1, data: {} };
    const first = await look(stored);
    stored.data = {};
    expect(await look(stored, start, { last: first })).toEqual(first);
    expect(stored.data["ca.key"]).toBeDefined();
  });

  test("that was emptied while nobody knew it: what clients trust stays trusted", async () => {
    const stored: Stored = { version: 1, data: {} };
    const first = await look(stored);
    stored.data = {};
    const second = await look(stored, start, { trusted: first.bundle });
    expect(readBundle(second.bundle)).toHaveLength(2);
    expect(trusts(second, first, start)).toBe(true);
  });

  test("that is damaged is replaced", async () => {
    const ca = Buffer.from(issueCa(start).certificate).toString("base64");
    const broken = { "ca.crt": ca, "ca.key": "eA==", "ca-bundle.crt": "LS0t" };
    const made = await look({ version: 1, data: broken });
    expect(readBundle(made.bundle)).toHaveLength(2);
  });

  test("takes over nothing that others put into the live configurations", async () => {
    const stored: Stored = { version: 1, data: {} };
    const first = await look(stored);
    expect(await look(stored, start, { trusted: issueCa(start).certificate })).toEqual(first);
  });

  test("without its Secret serves on where it is known, else says what to do", async () => {
    const first = await look({ version: 1, data: {} });
    expect(await look(undefined, start, { last: first })).toEqual(first);
    await expect(look(undefined)).rejects.toThrow("apply them again");
  });
});
