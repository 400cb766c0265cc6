import { describe, expect, test } from "@jest/globals";
import { readConfig } from "./config.ts";

describe("the environment", () => {
  test("that says nothing gives what the manifests need", () => {
    expect(readConfig({})).toEqual({
      namespace: "schedgate-system",
      podName: "local",
      port: 8443,
      healthPort: 8081,
      service: "schedgate-webhook",
      secret: "schedgate-webhook-ca",
      lease: "schedgate-webhook",
      leafMs: 7 * 24 * 3_600_000,
      backstop: "schedgate-backstop",
      staleMs: 180_000,
      configuration: "schedgate",
      url: undefined,
      drainMs: 95_000,
      kube: { inCluster: {} },
      logLevel: "info",
    });
  });

  test.each([
    ["SCHEDGATE_PORT", "0"],
    ["SCHEDGATE_PORT", "https"],
    ["SCHEDGATE_URL", "http://127.0.0.1"],
    ["SCHEDGATE_LEAF_MINUTES", "30"],
    ["SCHEDGATE_LEAF_MINUTES", "10081"],
    ["LOG_LEVEL", "loud"],
    ["SCHEDGATE_NAMESPACE", ""],
    ["SCHEDGATE_DRAIN_SECONDS", "-1"],
    ["SCHEDGATE_STALE_SECONDS", "3"],
  ])("with %s=%j is refused by that name", (name, value) => {
    expect(() => readConfig({ [name]: value })).toThrow(name);
  });
});
