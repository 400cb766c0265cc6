import { describe, expect, test } from "@jest/globals";
import type { KubeRequest } from "../../common/kube/port.ts";
import { silentLogger } from "../../common/log.ts";
import { createMetrics } from "../metrics.ts";
import { cpuIsolation, grantOf, now, profileOf } from "../policy/testing.ts";
import { Controller } from "./controller.ts";
import type { ControllerOptions } from "./controller.ts";

const notAfter = new Date("2026-06-08T00:00:00Z");

/** A controller over parts that the test changes; its clock never rests longer than a turn of the event loop. */
function setUp(
  more: Partial<ControllerOptions> = {},
  request: (call: KubeRequest) => Promise<unknown> = never,
) {
  const metrics = createMetrics();
  const logged: object[] = [];
  const clock = {
    now: () => now,
    sleep: () => new Promise<void>((resolve) => setImmediate(resolve)),
  };
  const watch = (): never => {
    throw new Error("not watched");
  };
  const controller = new Controller({
    api: { request, watch },
    clock,
    log: { ...silentLogger, error: (fields: object) => logged.push(fields) },
    inventory: {
      whyNotSynced: () => undefined,
      freshProfiles: () => Promise.resolve([cpuIsolation]),
      profiles: () => [cpuIsolation, profileOf("second", {})],
      grants: () => [grantOf("trading")],
      classes: () => new Map(),
    },
    configurations: {
      synced: true,
      areRight: () => false,
      putRight: () => Promise.resolve("wrote"),
      trusts: () => true,
      bundles: () => ({ mutate: "", validate: "" }),
    },
    certificate: {
      refresh: () => Promise.resolve(),
      bundleFor: () => "",
      adopt: () => undefined,
      current: undefined,
      notAfter,
    },
    place: { target: { url: "https://127.0.0.1:1" }, namespace: "schedgate-system" },
    metrics,
    useCertificate: () => Promise.resolve(),
    ...more,
  });
  return { controller, metrics, logged };
}

function never(): Promise<unknown> {
  return new Promise(() => undefined);
}

function configurations(putRight: () => Promise<"right" | "wrote" | "raced">): Partial<ControllerOptions> {
  const bundles = () => ({ mutate: "", validate: "" });
  return { configurations: { synced: true, areRight: () => false, putRight, trusts: () => true, bundles } };
}

describe("the controller", () => {
  test("is settled after one pass that wrote, though the live objects never get right", async () => {
    const end = new AbortController();
    const putRight = (): Promise<"wrote"> => {
      end.abort();
      return Promise.resolve("wrote");
    };
    const { controller, metrics } = setUp(configurations(putRight));
    await controller.run(end.signal);
    expect(await metrics.text()).toContain("schedgate_webhook_configuration_current 0");
    expect(controller.settled).toBe(true);
  });

  test.each<[string, () => Promise<"raced">]>([
    ["failed", () => Promise.reject(new Error("no"))],
    ["lost to another replica", () => Promise.resolve("raced")],
  ])("is not settled by a pass that %s", async (_, putRight) => {
    let passes = 0;
    const end = new AbortController();
    const counted = (): Promise<"raced"> => {
      passes += 1;
      if (passes === 3) end.abort();
      return putRight();
    };
    const { controller } = setUp(configurations(counted));
    await controller.run(end.signal);
    expect(controller.settled).toBe(false);
  });

  test("enforces, and ends, while a status waits for its answer", async () => {
    let passes = 0;
    const end = new AbortController();
    const counted = (): Promise<"raced"> => {
      passes += 1;
      if (passes === 3) end.abort();
      return Promise.resolve("raced");
    };
    await setUp(configurations(counted)).controller.run(end.signal);
    expect(passes).toBe(3);
  });

  test("tries every status, and logs those that fail", async () => {
    const end = new AbortController();
    const paths = new Set<string>();
    const { controller, logged } = setUp({}, ({ path }) => {
      paths.add(path.split("/").at(-2) ?? "");
      if (paths.size === 3) end.abort();
      return Promise.reject(new Error("no"));
    });
    await controller.run(end.signal);
    expect([...paths]).toEqual(["cpu-isolation", "second", "trading"]);
    expect(logged).toContainEqual({ resource: "hookprofiles", name: "second", error: "no" });
  });

  test("tells when the certificate in use ends", async () => {
    const end = new AbortController();
    const putRight = (): Promise<"wrote"> => {
      end.abort();
      return Promise.resolve("wrote");
    };
    const { controller, metrics } = setUp(configurations(putRight));
    await controller.run(end.signal);
    const seconds = String(notAfter.getTime() / 1000);
    expect(await metrics.text()).toContain(`schedgate_certificate_not_after_seconds ${seconds}`);
  });
});
