import { Agent } from "node:https";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { inClusterEndpoint } from "./incluster.ts";

const agent = new Agent();
const address = { host: "10.96.0.1", port: "6443" };
let now = new Date(0);
const clock = { now: () => now };
let dir = "";

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "schedgate-incluster-"));
  writeFileSync(join(dir, "ca.crt"), "the CA");
  writeFileSync(join(dir, "token"), "first\n");
});

afterEach(() => {
  rmSync(dir, { recursive: true });
});

describe("the API server of the pod's own cluster", () => {
  test("is called as the service account", async () => {
    const endpoint = inClusterEndpoint(address, agent, clock, dir);
    expect(endpoint.server).toBe("https://10.96.0.1:6443");
    expect(await endpoint.options()).toEqual({
      agent,
      ca: "the CA",
      headers: { Authorization: "Bearer first" },
    });
  });

  test("has brackets around an IPv6 address", () => {
    const { server } = inClusterEndpoint({ host: "fd00::1" }, agent, clock, dir);
    expect(server).toBe("https://[fd00::1]:443");
  });

  test("gets a renewed token within a minute", async () => {
    const endpoint = inClusterEndpoint(address, agent, clock, dir);
    writeFileSync(join(dir, "token"), "second");
    now = new Date(61_000);
    expect((await endpoint.options()).headers).toEqual({ Authorization: "Bearer second" });
  });

  test("is unknown outside a pod, and the error says what to set", () => {
    expect(() => inClusterEndpoint({}, agent, clock, dir)).toThrow("KUBECONFIG");
  });

  test("needs a token that can be read", () => {
    rmSync(join(dir, "token"));
    expect(() => inClusterEndpoint(address, agent, clock, dir)).toThrow("service account cannot be read");
  });
});
