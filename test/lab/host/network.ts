import { setTimeout as sleep } from "node:timers/promises";
import { exec, must } from "../exec.ts";
import { ADDRESS_LABEL, NODE_ADDRESS, POD_GATEWAY } from "./layout.ts";

interface Link {
  ifname: string;
  addr_info: { local?: string }[];
}

/** Gives the machine the node's address. */
export async function addNodeAddress(): Promise<void> {
  await must("ip", ["address", "add", `${NODE_ADDRESS}/32`, "dev", "lo", "label", ADDRESS_LABEL]);
}

/** True where the address was there. */
export async function removeNodeAddress(): Promise<boolean> {
  if (linksWith(await links(), NODE_ADDRESS).length === 0) return false;
  await must("ip", ["address", "delete", `${NODE_ADDRESS}/32`, "dev", "lo"]);
  return true;
}

/**
 * Removes the host's ends of the pods' links. They go by themselves with the pods' network namespaces, which the kernel
 * may still be taking down. Returns how many there were.
 */
export async function removePodLinks(): Promise<number> {
  const names = linksWith(await links(), POD_GATEWAY);
  // A link that went meanwhile is no failure.
  for (const name of names) await exec("ip", ["link", "delete", name]);
  for (let left = names; left.length > 0; left = linksWith(await links(), POD_GATEWAY)) await sleep(50);
  return names.length;
}

async function links(): Promise<Link[]> {
  return JSON.parse(await must("ip", ["-json", "address"])) as Link[];
}

/** Names of the links that carry an address. */
export function linksWith(all: readonly Link[], address: string): string[] {
  return all
    .filter((link) => link.addr_info.some(({ local }) => local === address))
    .map(({ ifname }) => ifname);
}
