import { X509Certificate } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import type { Clock } from "../../common/clock.ts";
import type { KubeRequest } from "../../common/kube/port.ts";
import { silentLogger } from "../../common/log.ts";
import { issueCa, LEAF_LIFE_MS } from "../../certs/issue.ts";
import { isTrusted } from "../../certs/verify.ts";
import { PROPAGATION_MS, ServingCertificate } from "./certificate.ts";
import { servingNames } from "./servingnames.ts";

/** A certificate over a Secret in memory; `bundle` is what the live configurations hold. */
function setUp() {
  const state = { now: Date.parse("2026-06-01T00:00:00Z"), data: {} as Record<string, string>, bundle: "" };
  const clock: Clock = { now: () => new Date(state.now), sleep: () => Promise.resolve() };
  const request = (call: KubeRequest): Promise<unknown> => {
    if (call.method === "PUT") state.data = (call.body as { data: Record<string, string> }).data;
    return Promise.resolve({ metadata: { resourceVersion: "1" }, data: state.data });
  };
  const watch = (): never => {
    throw new Error("not watched");
  };
  const certificate = new ServingCertificate(
    { api: { request, watch }, clock, log: silentLogger, path: "/secret" },
    servingNames("svc", "ns", "https://127.0.0.1:1"),
  );
  const adopt = () => certificate.adopt((leaf) => isTrusted(leaf, state.bundle, clock.now()));
  /** The bundle that the configurations should hold. */
  const refresh = async (): Promise<string> => {
    await certificate.refresh(state.bundle === "" ? [] : [state.bundle, state.bundle]);
    return certificate.bundleFor();
  };
  /** The CA is lost, and this replica knows it no more: as when another replica made a new one at once. */
  const replaced = (): void => {
    const ca = issueCa(clock.now());
    const encoded = (text: string): string => Buffer.from(text).toString("base64");
    state.data = {
      "ca.crt": encoded(ca.certificate),
      "ca.key": encoded(ca.key),
      "ca-bundle.crt": encoded(ca.certificate + state.bundle),
    };
  };
  return { state, certificate, adopt, refresh, replaced };
}

describe("the serving certificate", () => {
  test("is there at once, under every name of the Service and of the URL", async () => {
    const { certificate, refresh } = setUp();
    await refresh();
    const names = new X509Certificate(certificate.current?.certificate ?? "").subjectAltName;
    expect(names).toBe(
      "DNS:svc, DNS:svc.ns, DNS:svc.ns.svc, DNS:svc.ns.svc.cluster.local, IP Address:127.0.0.1",
    );
    expect(servingNames("a", "b", "https://host.example")).toContainEqual({ dns: "host.example" });
  });

  test("is renewed after two thirds of its life, and changed at once: the CA is known", async () => {
    const { state, certificate, adopt, refresh } = setUp();
    state.bundle = await refresh();
    adopt();
    const first = certificate.current;
    state.now += LEAF_LIFE_MS * 0.6;
    await refresh();
    expect(adopt()).toBeUndefined();
    state.now += LEAF_LIFE_MS * 0.1;
    await refresh();
    expect(adopt()).toBe(certificate.current);
    expect(certificate.current).not.toBe(first);
  });

  test("of a new CA waits until every API server can know it; the old one serves on, and stays trusted", async () => {
    const { state, certificate, adopt, refresh, replaced } = setUp();
    state.bundle = await refresh();
    adopt();
    const first = certificate.current;
    replaced();
    const bundle = await refresh();
    expect(adopt()).toBeUndefined();
    state.bundle = bundle;
    expect(adopt()).toBeUndefined();
    expect(isTrusted(first?.certificate ?? "", bundle, new Date(state.now))).toBe(true);
    state.now += PROPAGATION_MS;
    expect(await refresh()).toBe(bundle);
    expect(adopt()).toBe(certificate.current);
    expect(certificate.current).not.toBe(first);
  });

  test("of a new CA begins to wait anew where the configurations forget the CA meanwhile", async () => {
    const { state, adopt, refresh, replaced } = setUp();
    const old = (state.bundle = await refresh());
    adopt();
    replaced();
    state.bundle = await refresh();
    adopt();
    state.bundle = old;
    state.now += PROPAGATION_MS;
    expect(adopt()).toBeUndefined();
    state.bundle = await refresh();
    expect(adopt()).toBeUndefined();
  });

  test("does not wait where the configurations no longer trust the one in use", async () => {
    const { state, certificate, adopt, refresh, replaced } = setUp();
    state.bundle = await refresh();
    adopt();
    const old = state.bundle;
    replaced();
    state.bundle = (await refresh()).replace(old, "");
    expect(adopt()).toBe(certificate.current);
  });

  test("does not wait where the one in use is over", async () => {
    const { state, certificate, adopt, refresh, replaced } = setUp();
    state.bundle = await refresh();
    adopt();
    replaced();
    state.now += LEAF_LIFE_MS + 1000;
    state.bundle = await refresh();
    expect(adopt()).toBe(certificate.current);
  });
});
