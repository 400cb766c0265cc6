import { describe, test } from "@jest/globals";
import fc from "fast-check";
import type { HookGrant } from "../../common/api/hookgrant.ts";
import type { HookProfile } from "../../common/api/hookprofile.ts";
import type { Pod } from "../../common/api/pod.ts";
import { findings } from "./decide.ts";
import { standing } from "./standing.ts";
import { withHolders } from "./room.ts";
import { cpuIsolation, holderOf, podOf, profileOf, rulesOf } from "./testing.ts";
import { verdict } from "./verdict.ts";

const ASK = "schedgate.dev/cpu-isolation";
const accounts = fc.constantFrom("engine", "default", "other");
const names = fc.constantFrom("trading", "granted", "constructor", "__proto__");
const subjects = fc.uniqueArray(
  fc.record(
    { namespace: names, serviceAccounts: fc.uniqueArray(accounts, { minLength: 1 }) },
    { requiredKeys: ["namespace"] },
  ),
  { minLength: 1, maxLength: 3, selector: (each) => each.namespace },
);
const spec = fc.record(
  {
    profileName: fc.constantFrom("cpu-isolation", "second", "gone"),
    subjects,
    limits: fc.record({ pods: fc.nat(2), isolatedCPUs: fc.nat(2) }, { requiredKeys: [] }),
    notAfter: fc.constantFrom("2020-01-01T00:00:00Z", "2026-06-01T00:00:00Z", "2030-01-01T00:00:00Z"),
  },
  { requiredKeys: ["profileName", "subjects"] },
);
/** Others, and the pod itself. */
const holders = fc
  .uniqueArray(fc.tuple(fc.constantFrom("pod-1", "other-1", "other-2"), fc.nat(2)), {
    selector: ([uid]) => uid,
  })
  .map((list) => list.map(([uid, cpus]) => holderOf(uid, cpus)));
const grants: fc.Arbitrary<HookGrant[]> = fc
  .array(spec, { maxLength: 5 })
  .map((specs) => specs.map((each, i) => ({ metadata: { name: `g${String(i)}` }, spec: each })))
  .chain((list) =>
    fc.tuple(
      ...list.map((each) => holders.map((held) => (held.length === 0 ? each : withHolders(each, held)))),
    ),
  );

const pods: fc.Arbitrary<Pod> = fc
  .record({
    namespace: names,
    serviceAccount: accounts,
    annotations: fc.dictionary(
      fc.constantFrom(ASK, "cpu-load-balancing.crio.io", "a/b"),
      fc.constantFrom("enabled", "x"),
    ),
    runtimeClassName: fc.constantFrom(undefined, "wrapper"),
  })
  .map(podOf);

const second = profileOf("second", { protects: { runtimeHandlers: ["wrapper"], annotations: ["a/*"] } });

function judge(pod: Pod, held: readonly HookGrant[], profiles: HookProfile[] = [cpuIsolation, second]) {
  const rules = rulesOf(profiles, held);
  return verdict(pod, findings(rules, { before: undefined, after: pod, handler: pod.runtimeClassName }));
}

/** Every way to take something from a grant, or to bound it further. */
function narrowings(grant: HookGrant): HookGrant[] {
  const { spec: whole } = grant;
  const to = (change: Partial<HookGrant["spec"]>): HookGrant => ({ ...grant, spec: { ...whole, ...change } });
  const without = whole.subjects.map((_, i) => whole.subjects.toSpliced(i, 1));
  const fewer = whole.subjects.flatMap((each, i) =>
    [["engine"], (each.serviceAccounts ?? ["engine", "default"]).slice(1)].map((serviceAccounts) =>
      whole.subjects.with(i, {
        ...each,
        serviceAccounts: serviceAccounts.filter((name) => each.serviceAccounts?.includes(name) ?? true),
      }),
    ),
  );
  return [
    ...[...without, ...fewer].map((list) => to({ subjects: list })),
    to({ profileName: "gone" }),
    to({ notAfter: "2020-01-01T00:00:00Z" }),
    to({ limits: { ...whole.limits, pods: 0 } }),
    to({ limits: { ...whole.limits, isolatedCPUs: 0 } }),
  ];
}

describe("a decision", () => {
  test("does not depend on the order of the grants", () => {
    fc.assert(
      fc.property(pods, grants, fc.infiniteStream(fc.nat()), (pod, held, stream) => {
        const order = held.map((each) => ({ each, at: stream.next().value as number }));
        const shuffled = order.sort((a, b) => a.at - b.at).map(({ each }) => each);
        return JSON.stringify(judge(pod, held)) === JSON.stringify(judge(pod, shuffled));
      }),
      { numRuns: 1000 },
    );
  });

  test("never gets wider when a grant is taken away, or anything is taken from one", () => {
    fc.assert(
      fc.property(pods, grants, (pod, held) => {
        if (judge(pod, held).refusal === undefined) return true;
        const narrower = held.flatMap((each, i) => [
          held.toSpliced(i, 1),
          ...narrowings(each).map((less) => held.with(i, less)),
        ]);
        return narrower.every((less) => judge(pod, less).refusal !== undefined);
      }),
      { numRuns: 1000 },
    );
  });

  test("under Warn and Audit is never a refusal", () => {
    const enforcement = fc.constantFrom<"Warn" | "Audit">("Warn", "Audit");
    fc.assert(
      fc.property(pods, grants, enforcement, enforcement, (pod, held, one, two) => {
        const soft = [cpuIsolation, second].map((each, i) => ({
          ...each,
          spec: { ...each.spec, enforcement: i === 0 ? one : two },
        }));
        return judge(pod, held, soft).refusal === undefined;
      }),
      { numRuns: 1000 },
    );
  });

  test("about a pod that stands is that of its creation, but for how it asks", () => {
    fc.assert(
      fc.property(pods, grants, (pod, held) => {
        const rules = rulesOf([cpuIsolation, second], held);
        const uncovered = (list: ReturnType<typeof standing>): string[] =>
          list.filter((each) => each.coverage?.covered === false).map((each) => each.profile.name);
        const created = findings(rules, { before: undefined, after: pod, handler: pod.runtimeClassName });
        const stands = standing(rules, pod, pod.runtimeClassName);
        return JSON.stringify(uncovered(created)) === JSON.stringify(uncovered(stands));
      }),
    );
  });
});
