import { expect, test } from "@jest/globals";
import fc from "fast-check";
import type { HookGrant } from "../../common/api/hookgrant.ts";
import { shortage, withHolders } from "./room.ts";
import { grantOf, holderOf } from "./testing.ts";

type Limits = HookGrant["spec"]["limits"];
const held = (limits: Limits, ...cpus: number[]): HookGrant =>
  withHolders(
    grantOf("g", { ...(limits && { limits }) }),
    cpus.map((each, i) => holderOf(String(i), each)),
  );

test.each<[string, HookGrant, string, number, string | undefined]>([
  ["without limits", held(undefined, 9), "x", 9, undefined],
  ["with room", held({ pods: 2, isolatedCPUs: 4 }, 2), "x", 2, undefined],
  ["with all pods", held({ pods: 1 }, 2), "x", 0, "pods 1/1"],
  ["with too few CPUs", held({ isolatedCPUs: 3 }, 2), "x", 2, "isolatedCPUs 2/3"],
  [
    "with a limit of 0 CPUs, for a pod that takes none",
    held({ isolatedCPUs: 0 }),
    "x",
    0,
    "isolatedCPUs 0/0",
  ],
  ["where the pod holds it", held({ pods: 1, isolatedCPUs: 2 }, 2), "0", 2, undefined],
  ["where the pod holds less", held({ isolatedCPUs: 4 }, 2, 2), "0", 3, "isolatedCPUs 2/4"],
  ["where the pod holds it, and the limit was lowered", held({ isolatedCPUs: 1 }, 2), "0", 2, undefined],
  [
    "with as many pods as an object can list",
    held({ isolatedCPUs: 9 }, ...Array<number>(2000).fill(0)),
    "x",
    0,
    "pods 2000/2000",
  ],
])("a grant %s", (_, ...[grant, uid, isolatedCPUs, lacks]) => {
  const full = shortage(grant, { uid, isolatedCPUs });
  expect(full && `${full.limit} ${String(full.used)}/${String(full.max)}`).toBe(lacks);
});

test("whoever has room may come in, and then no limit is exceeded", () => {
  const wants = fc.array(fc.record({ uid: fc.constantFrom("a", "b", "c", "d"), isolatedCPUs: fc.nat(5) }));
  fc.assert(
    fc.property(fc.nat(4), fc.nat(9), wants, (pods, isolatedCPUs, list) => {
      let grant = held({ pods, isolatedCPUs });
      for (const each of list) {
        if (shortage(grant, each) !== undefined) continue;
        const others = (grant.status?.holders ?? []).filter(({ uid }) => uid !== each.uid);
        grant = withHolders(grant, [...others, holderOf(each.uid, each.isolatedCPUs)]);
      }
      expect(grant.status?.used?.pods).toBeLessThanOrEqual(pods);
      expect(grant.status?.used?.isolatedCPUs).toBeLessThanOrEqual(isolatedCPUs);
    }),
  );
});
