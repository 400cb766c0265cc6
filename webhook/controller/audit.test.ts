import { describe, expect, test } from "@jest/globals";
import type { Pod } from "../../common/api/pod.ts";
import type { PodRecord } from "../inventory/podrecord.ts";
import {
  container,
  cpuIsolation,
  grantOf,
  holderOf,
  now,
  podOf,
  profileOf,
  rulesOf,
} from "../policy/testing.ts";
import type { Rules } from "../policy/decide.ts";
import { audit, nextExpiry } from "./audit.ts";
import type { Audit } from "./audit.ts";

const ask = { "schedgate.dev/cpu-isolation": "enabled" };

function record(name: string, more: Partial<Pod> = {}, finished = false): PodRecord {
  return {
    pod: podOf({ name, annotations: ask, runtimeClassName: "wrapper", ...more }),
    uid: `uid-${name}`,
    finished,
    grants: [],
  };
}

function run(records: PodRecord[], rules: Rules): Promise<Audit> {
  const classes: Record<string, string> = { wrapper: "wrapper", alias: "wrapper" };
  return audit({ records, rules, handlerOf: (name) => classes[name], pause: () => Promise.resolve() });
}

describe("the audit", () => {
  test("names who uses a profile without right, and nobody else", async () => {
    const records = [
      record("granted"),
      record("old", { namespace: "research" }),
      record("by-class", { namespace: "research", annotations: {}, runtimeClassName: "alias" }),
      record("finished", { namespace: "research" }, true),
      record("other-class", { namespace: "research", annotations: {}, runtimeClassName: "gvisor" }),
      record("says-no", {
        namespace: "research",
        annotations: { "schedgate.dev/cpu-isolation": "disabled" },
        runtimeClassName: undefined,
      }),
    ];
    const found = await run(records, rulesOf([cpuIsolation], [grantOf("trading")]));
    const pods = [
      { namespace: "research", name: "old" },
      { namespace: "research", name: "by-class" },
    ];
    expect([...found.profiles]).toEqual([["cpu-isolation", { count: 2, pods }]]);
    expect([...found.namespaces.keys()]).toEqual(["research"]);
    expect(found.namespaces.get("research")).toMatchObject({ refused: 2, warned: 0 });
    expect(found.namespaces.get("research")?.details[0]?.line).toContain(
      "pod research/old: runtimeClassName wrapper (handler wrapper) and annotation schedgate.dev/cpu-isolation=enabled are protected",
    );
  });

  test("counts no pod for what it cannot have, only for what it may not have", async () => {
    const records = [record("small", { containers: [container("c", "500m")] })];
    const found = await run(records, rulesOf([cpuIsolation], [grantOf("trading")]));
    expect(found.profiles.size).toBe(0);
  });

  test("lets a pod be that has its room, or came before the limit, but not where the limit is 0", async () => {
    const limited = (limits: object) => ({
      ...grantOf("trading", { limits }),
      status: { holders: [holderOf("other", 2)] },
    });
    const full = await run([record("a")], rulesOf([cpuIsolation], [limited({ pods: 1 })]));
    expect(full.profiles.size).toBe(0);
    const none = await run([record("a")], rulesOf([cpuIsolation], [limited({ pods: 0 })]));
    expect(none.profiles.get("cpu-isolation")?.count).toBe(1);
  });

  test("tells what would be refused from what would only be warned of", async () => {
    const lenient = profileOf("lenient", { protects: { annotations: ["x/y"] }, enforcement: "Audit" });
    const found = await run([record("a", { annotations: { "x/y": "1" } })], rulesOf([cpuIsolation, lenient]));
    expect(found.namespaces.get("trading")).toMatchObject({ refused: 1, warned: 1 });
    expect([...found.profiles.keys()].sort()).toEqual(["cpu-isolation", "lenient"]);
  });

  test("of 50,000 unauthorized pods counts all and names a few", async () => {
    const records = Array.from({ length: 50_000 }, (_, i) => record(`p${i}`, { namespace: `n${i % 100}` }));
    const found = await run(records, rulesOf([cpuIsolation], []));
    expect(found.profiles.get("cpu-isolation")?.count).toBe(50_000);
    expect(found.profiles.get("cpu-isolation")?.pods).toHaveLength(20);
    const all = [...found.namespaces.values()];
    expect(all.reduce((sum, { refused }) => sum + refused, 0)).toBe(50_000);
    expect(all.reduce((sum, { details }) => sum + details.length, 0)).toBe(1_000);
  });
});

test("the next expiry is that of the grant that expires first, and of none that has", () => {
  const at = (notAfter?: string) => grantOf("g", notAfter === undefined ? {} : { notAfter });
  expect(nextExpiry([at(), at("2026-05-31T23:59:59Z")], now)).toBe(Infinity);
  expect(nextExpiry([at("2026-06-01T00:01:00Z"), at("2026-06-01T00:00:30Z")], now)).toBe(30_000);
});
