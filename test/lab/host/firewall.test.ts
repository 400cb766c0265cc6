import { describe, expect, test } from "@jest/globals";
import { planRemoval } from "./firewall.ts";

const saved = `# Generated
*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [5:300]
:MINE - [0:0]
:CNI-0a1b - [0:0]
:KUBE-SERVICES - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A PREROUTING -p tcp -j MINE
-A POSTROUTING -s 10.213.0.2/32 -m comment --comment "name: \\"schedgate-lab\\" id: \\"x\\"" -j CNI-0a1b
-A KUBE-SERVICES -m comment --comment "to nobody -j KUBE-X" -j REJECT
-A CNI-0a1b ! -d 224.0.0.0/4 -j MASQUERADE
COMMIT
*filter
:INPUT ACCEPT [0:0]
-A INPUT -j ACCEPT
COMMIT
`;

describe("planRemoval", () => {
  test("takes away the cluster's chains and the rules that jump to them, nothing else", () => {
    expect(planRemoval(saved)).toEqual({
      chains: ["CNI-0a1b", "KUBE-SERVICES"],
      restore: `*nat
:CNI-0a1b - [0:0]
:KUBE-SERVICES - [0:0]
-D PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-D POSTROUTING -s 10.213.0.2/32 -m comment --comment "name: \\"schedgate-lab\\" id: \\"x\\"" -j CNI-0a1b
-X CNI-0a1b
-X KUBE-SERVICES
COMMIT
`,
    });
  });

  test("plans nothing for a packet filter without them", () => {
    expect(planRemoval("*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n")).toEqual({ chains: [], restore: "" });
    expect(planRemoval("")).toEqual({ chains: [], restore: "" });
  });
});
