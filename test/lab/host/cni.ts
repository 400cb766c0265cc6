import { CNI_NETWORK, type HostLayout, POD_CIDR } from "./layout.ts";

/** Where Debian's containernetworking-plugins are, and where most others put theirs. */
export const CNI_PLUGIN_DIRECTORIES = ["/usr/lib/cni", "/opt/cni/bin"] as const;

/** A link of its own for each pod (`ptp`); what leaves the machine is masqueraded. */
export function cniConfiguration(layout: HostLayout): object {
  const ipam = {
    type: "host-local",
    dataDir: layout.cniState,
    ranges: [[{ subnet: POD_CIDR }]],
    routes: [{ dst: "0.0.0.0/0" }],
  };
  return { cniVersion: "0.4.0", name: CNI_NETWORK, plugins: [{ type: "ptp", ipMasq: true, ipam }] };
}
