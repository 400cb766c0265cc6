import { describe, expect, test } from "@jest/globals";
import { silentLogger } from "../../common/log.ts";
import { createMetrics } from "../metrics.ts";
import { cpuIsolation, now } from "../policy/testing.ts";
import { Controller } from "./controller.ts";
import type { ControllerOptions } from "./controller.ts";

const notAfter = new Date("2026-06-08T00:00:00Z");

/** A controller over parts that the test changes; its clock never rests longer than a turn of the event loop. */
function setUp(more: Partial<ControllerOptions> = {}) {
  const metrics = createMetrics();
  const logged: object[] = [];
  const clock = {
    now: () => now,
    sleep: turn,
  };
  const controller = new Controller({
    clock,
    log: { ...silentLogger, error: (fields: object) => logged.push(fields) },
    inventory: {
      whyNotSynced: () => undefined,
      profiles: () => [cpuIsolation],
      freshProfiles: () => Promise.resolve([cpuIsolation]),
    },
    configurations: {
      synced: true,
      areRight: () => false,
      callHere: () => false,
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
    leader: { leads: true, follows: false },
    place: { target: { url: "https://127.0.0.1:1" }, namespace: "schedgate-system" },
    metrics,
    useCertificate: () => Promise.resolve(),
    ...more,
  });
  return { controller, metrics, logged };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function configurations(
  putRight: () => Promise<"right" | "wrote" | "raced">,
  more: Partial<ControllerOptions["configurations"]> = {},
): Pick<ControllerOptions, "configurations"> {
  const bundles = (): Record<"mutate" | "validate", string> => ({ mutate: "", validate: "" });
  const wrong = { synced: true, areRight: () => false, callHere: () => false, trusts: () => true, bundles };
  return { configurations: { ...wrong, putRight, ...more } };
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

  test("leaves the live configurations to the replica that leads, and is settled where they call here", async () => {
    const { leader, callHere } = { leader: { leads: false, follows: true }, callHere: () => true };
    const putRight = (): Promise<never> => Promise.reject(new Error("not the leader's pen"));
    const { controller, logged } = setUp({ leader, ...configurations(putRight, { callHere }) });
    const end = new AbortController();
    const run = controller.run(end.signal);
    while (!controller.settled) await new Promise((resolve) => setImmediate(resolve));
    end.abort();
    await run;
    expect(logged).toEqual([]);
  });

  test.each([
    ["call elsewhere", { leads: false, follows: true }, false],
    ["are nobody's to keep", { leads: false, follows: false }, true],
  ])("is not settled where the live configurations are wrong and %s", async (_, leader, calls) => {
    let looks = 0;
    const end = new AbortController();
    const areRight = (): boolean => {
      looks += 1;
      if (looks === 3) end.abort();
      return false;
    };
    const more = { areRight, callHere: () => calls };
    const { controller } = setUp({ leader, ...configurations(() => Promise.resolve("wrote"), more) });
    await controller.run(end.signal);
    expect(controller.settled).toBe(false);
  });

  test("counts what it puts right after it was right, and not what it writes because of a change", async () => {
    const end = new AbortController();
    const right = [false, true, false];
    let writes = 0;
    const putRight = (): Promise<"wrote"> => {
      writes += 1;
      if (writes === 2) end.abort();
      return Promise.resolve("wrote");
    };
    const areRight = (): boolean => right.shift() ?? true;
    const { controller, metrics } = setUp({
      clock: { now: () => new Date(now.getTime() + writes * 60_000), sleep: turn },
      ...configurations(putRight, { areRight }),
    });
    await controller.run(end.signal);
    expect(await metrics.text()).toContain("schedgate_webhook_configuration_repairs_total 1");
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
    expect(await metrics.text()).toContain(`schedgate_certificate_expiration_timestamp_seconds ${seconds}`);
  });
});
