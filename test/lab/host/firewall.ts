import { must } from "../exec.ts";

/** Chains that kubelet, kube-proxy and the CNI plugins make. */
const OURS = /^(KUBE|CNI)-/;

export interface Removal {
  /** Input of `iptables-restore --noflush`; empty where there is nothing to do. */
  restore: string;
  /** Names of the removed chains. */
  chains: string[];
}

/**
 * What takes the cluster's chains out of a packet filter that `iptables-save` printed: first the rules elsewhere that
 * jump to them or belong to them, then all their content, then themselves.
 */
export function planRemoval(saved: string): Removal {
  const chains: string[] = [];
  const restore = tables(saved).flatMap(({ name, lines }) => {
    const own = lines.flatMap((line) => /^:(\S+) /.exec(line)?.[1] ?? []).filter((chain) => OURS.test(chain));
    if (own.length === 0) return [];
    chains.push(...own);
    const jumps = lines.filter((line) => isJump(line)).map((line) => line.replace(/^-A/, "-D"));
    // Under --noflush a declared chain is emptied, so that none is in use when it is deleted.
    return [
      `*${name}`,
      ...own.map((chain) => `:${chain} - [0:0]`),
      ...jumps,
      ...own.map((chain) => `-X ${chain}`),
      "COMMIT",
    ];
  });
  return { restore: restore.length === 0 ? "" : `${restore.join("\n")}\n`, chains };
}

function isJump(line: string): boolean {
  const match = /^-A (\S+) .*-[jg] (\S+)/.exec(line);
  return match !== null && !OURS.test(match[1] ?? "") && OURS.test(match[2] ?? "");
}

function tables(saved: string): { name: string; lines: string[] }[] {
  return saved
    .split(/^\*/m)
    .slice(1)
    .map((part) => {
      const [name = "", ...lines] = part.split("\n");
      return { name, lines };
    });
}

/** Whether a packet filter holds chains of a Kubernetes node. */
export async function hasClusterChains(): Promise<boolean> {
  return planRemoval(await must("iptables-save", [])).chains.length > 0;
}

/** Removes the cluster's chains, IPv4 and IPv6. Returns how many those were. */
export async function removeClusterChains(): Promise<number> {
  let count = 0;
  for (const family of ["iptables", "ip6tables"]) {
    const { restore, chains } = planRemoval(await must(`${family}-save`, []));
    if (chains.length > 0) await must(`${family}-restore`, ["--noflush"], { input: restore });
    count += chains.length;
  }
  return count;
}
