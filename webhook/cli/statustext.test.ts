import { expect, test } from "@jest/globals";
import { statusText } from "./statustext.ts";
import { now } from "./testing.ts";

const created = "2026-05-29T00:00:00Z";
const condition = (type: string, status: string, reason: string): object => {
  return { type, status, reason, message: "", lastTransitionTime: created };
};

test("the three kinds, in kubectl's manner", () => {
  const profiles = [
    {
      metadata: { name: "cpu-isolation", creationTimestamp: created },
      spec: { protects: {}, request: { annotation: "schedgate.dev/cpu-isolation" } },
      status: { conditions: [condition("Ready", "True", "Protecting")], unauthorized: { count: 2 } },
    },
  ];
  const grants = [
    {
      metadata: { name: "trading", creationTimestamp: "2026-05-31T23:59:15Z" },
      spec: {
        profileName: "cpu-isolation",
        subjects: [{ namespace: "trading", serviceAccounts: ["engine", "risk"] }, { namespace: "lab" }],
        limits: { pods: 10 },
        notAfter: "2027-01-01T00:00:00Z",
      },
      status: { used: { pods: 2, isolatedCPUs: 4 }, conditions: [condition("Ready", "True", "Granting")] },
    },
    {
      metadata: { name: "old", creationTimestamp: created },
      spec: { profileName: "gone", subjects: [{ namespace: "a" }] },
      status: { conditions: [condition("Ready", "False", "ProfileMissing")] },
    },
  ];
  const nodes = [
    {
      metadata: { name: "node-1" },
      status: {
        backend: "CgroupV2",
        isolatedCPUs: "2-3",
        owners: [{ cpus: "2-3", containerID: "c" }],
        conditions: [
          condition("Ready", "True", "Serving"),
          condition("Isolated", "True", "Proven"),
          condition("Degraded", "True", "HookFiles"),
        ],
      },
    },
    { metadata: { name: "node-2" } },
  ];
  expect(statusText({ profiles, grants, nodes }, now)).toBe(`HookProfiles
NAME            REQUEST                       ENFORCEMENT   READY   UNAUTHORIZED   AGE
cpu-isolation   schedgate.dev/cpu-isolation   Enforce       True    2              3d

HookGrants
NAME      PROFILE         SUBJECTS                            PODS   CPUS   NOT-AFTER              READY                    AGE
trading   cpu-isolation   trading/engine,trading/risk,lab/*   2/10   4/-    2027-01-01T00:00:00Z   True                     45s
old       gone            a/*                                 ?/-    ?/-    <none>                 False (ProfileMissing)   3d

Nodes
NAME     BACKEND     ISOLATED-CPUS   OWNERS   READY       ISOLATED    DEGRADED           AGE
node-1   CgroupV2    2-3             1        True        True        True (HookFiles)   <unknown>
node-2   <unknown>   <none>          0        <unknown>   <unknown>   <unknown>          <unknown>`);
});

test("an empty cluster has none of each", () => {
  expect(statusText({ profiles: [], grants: [], nodes: [] }, now)).toBe(
    "HookProfiles: none\n\nHookGrants: none\n\nNodes: none",
  );
});
