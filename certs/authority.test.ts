import { describe, expect, test } from "@jest/globals";
import type { Clock } from "../common/clock.ts";
import { KubeApiError } from "../common/kube/port.ts";
import type { KubeApi, KubeRequest } from "../common/kube/port.ts";
import { silentLogger } from "../common/log.ts";
import { ensureAuthority } from "./authority.ts";
import type { AuthorityOptions } from "./authority.ts";
import { CA_LIFE_MS, issueCa, issueLeaf } from "./issue.ts";
import { isTrusted, readBundle } from "./verify.ts";

const start = new Date("2026-06-01T00:00:00Z");

interface Stored {
  version: number;
  data: Record<string, string>;
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
      return { metadata: { resourceVersion: String(stored.version) }, data: stored.data };
    const body = call.body as { metadata: { resourceVersion: string }; data: Record<string, string> };
    if (body.metadata.resourceVersion !== String(stored.version)) {
      throw new KubeApiError(call, { status: 409, reason: "Conflict", message: "changed" });
    }
    stored.version += 1;
    stored.data = body.data;
    return {};
  }
}

function options(api: KubeApi, now = start): AuthorityOptions {
  const clock: Clock = { now: () => now, sleep: () => Promise.resolve() };
  return { api, clock, log: silentLogger, path: "/api/v1/namespaces/a/secrets/ca" };
}

describe("the CA in its Secret", () => {
  test("is made once, however many replicas start at the same moment", async () => {
    const api = secretApi({ version: 1, data: {} });
    const all = await Promise.all([1, 2, 3, 4].map(() => ensureAuthority(options(api))));
    expect(new Set(all.map((each) => each.ca.certificate)).size).toBe(1);
    expect(readBundle(all[0]?.bundle ?? "")).toHaveLength(1);
  });

  test("keeps what else the Secret holds", async () => {
    const stored = { version: 1, data: { other: "eA==" } };
    await ensureAuthority(options(secretApi(stored)));
    expect(stored.data).toMatchObject({ other: "eA==" });
  });

  test("is replaced near its end, and the old one stays trusted until its own", async () => {
    const api = secretApi({ version: 1, data: {} });
    const first = await ensureAuthority(options(api));
    const late = new Date(start.getTime() + CA_LIFE_MS * 0.7);
    const second = await ensureAuthority(options(api, late));
    expect(second.ca.certificate).not.toBe(first.ca.certificate);
    const leaf = issueLeaf(first.ca, [{ dns: "a" }], late);
    expect(isTrusted(leaf.certificate, second.bundle, late)).toBe(true);
    const third = await ensureAuthority(options(api, new Date(start.getTime() + CA_LIFE_MS + 1000)));
    expect(third.ca.certificate).toBe(second.ca.certificate);
    expect(readBundle(third.bundle)).toHaveLength(1);
  });

  test("that was emptied: what clients trusted already stays trusted", async () => {
    const stored: Stored = { version: 1, data: {} };
    const first = await ensureAuthority(options(secretApi(stored)));
    stored.data = {};
    const second = await ensureAuthority(options(secretApi(stored)), first.bundle);
    expect(readBundle(second.bundle)).toHaveLength(2);
  });

  test("that is damaged is replaced", async () => {
    const ca = Buffer.from(issueCa(start).certificate).toString("base64");
    const broken = { "ca.crt": ca, "ca.key": "eA==", "ca-bundle.crt": "LS0t" };
    const made = await ensureAuthority(options(secretApi({ version: 1, data: broken })));
    expect(readBundle(made.bundle)).toHaveLength(2);
  });

  test("without its Secret it says what to do", async () => {
    await expect(ensureAuthority(options(secretApi(undefined)))).rejects.toThrow("apply them again");
  });
});
