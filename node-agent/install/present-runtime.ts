import { basename } from "node:path";
import { SchedgateError } from "../../common/errors.ts";

/** The runtimes that the installer knows, and where their packages put their sockets. */
export const SOCKETS = {
  containerd: "/run/containerd/containerd.sock",
  crio: "/run/crio/crio.sock",
} as const;

export type RuntimeName = keyof typeof SOCKETS;

/**
 * The runtime of a host where nobody says which: the one whose socket is there.
 * @param named socket of the settings, told by its file's name.
 * @throws SchedgateError E_CONFIG where that is none or both.
 */
export function presentRuntime(named: string | undefined, exists: (path: string) => boolean): RuntimeName {
  const known = Object.entries(SOCKETS) as [RuntimeName, string][];
  const same = (socket: string): boolean =>
    named === undefined ? exists(socket) : basename(named) === basename(socket) && exists(named);
  const [found, another] = known.filter(([, socket]) => same(socket)).map(([name]) => name);
  if (found !== undefined && another === undefined) return found;
  const { containerd, crio } = SOCKETS;
  const all = `both ${containerd} and ${crio}: set it to the runtime that the kubelet uses`;
  const none =
    named === undefined
      ? `neither ${containerd} nor ${crio}: set it to containerd or crio, and SCHEDGATE_RUNTIME_SOCKET to its socket`
      : `no ${named} that is named like ${containerd} or ${crio}: set it to containerd or crio`;
  throw new SchedgateError(
    "E_CONFIG",
    `SCHEDGATE_RUNTIME is not set, and this host has ${found === undefined ? none : all}`,
  );
}
