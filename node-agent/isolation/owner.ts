import { type CpuSet, parseCpuSet } from "../../common/cpuset.ts";
import { SchedgateError, messageOf } from "../../common/errors.ts";

/** One container that asked for isolation: an entry of the ledger, as it stands on disk. */
export interface Owner {
  version: 1;
  /** Container id of the runtime. */
  id: string;
  namespace: string;
  pod: string;
  podUID: string;
  container: string;
  /** The CPUs it owns, as a list (`2-3`); empty where `reason` says why it owns none. */
  cpus: string;
  /** Leaf cgroup below the root of the cpuset hierarchy, without a leading slash: `kubepods/pod…/…`. */
  cgroup: string;
  /** Its first process, in the host's PID namespace, with its start time in clock ticks since boot. */
  pid: number;
  pidStartTime: string;
  bootId: string;
  /** RFC 3339. */
  since: string;
  /** Why nothing is isolated for it: its CPUs are not exclusive. */
  reason?: string;
  /** Why isolation failed at its start, where `onFailure: Allow` let it start anyway. */
  failure?: string;
  /** What entitles it: grants, or the node's list of static pods. Absent: not known yet. */
  right?: string;
  /** Why nothing entitles it: it runs without isolation. */
  refusal?: string;
}

const TEXT = [
  "id",
  "namespace",
  "pod",
  "podUID",
  "container",
  "cpus",
  "cgroup",
  "pidStartTime",
  "bootId",
  "since",
];
const ID = /^[A-Za-z0-9][A-Za-z0-9_.+-]{0,127}$/;

/** Whether the text can be a container id, and so a file name. */
export function isContainerId(id: string): boolean {
  return ID.test(id);
}

/** Reads one ledger entry. @throws SchedgateError E_LEDGER that names the entry and what is wrong with it. */
export function parseOwner(text: string, name: string): Owner {
  const bad = (why: string): SchedgateError =>
    new SchedgateError(
      "E_LEDGER",
      `ledger entry ${name} is unusable: ${why}; remove it if its container is gone`,
    );
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw bad(messageOf(error));
  }
  if (typeof value !== "object" || value === null) throw bad("not an object");
  const entry = value as Record<string, unknown>;
  if (entry["version"] !== 1) throw bad(`version ${JSON.stringify(entry["version"])} is not 1`);
  for (const key of TEXT) if (typeof entry[key] !== "string") throw bad(`${key} is not a string`);
  if (!Number.isSafeInteger(entry["pid"])) throw bad("pid is not a number");
  const owner = value as Owner;
  if (!/^\d+$/.test(owner.pidStartTime)) throw bad("pidStartTime is not a number of ticks");
  if (`${owner.id}.json` !== name || !isContainerId(owner.id))
    throw bad(`id "${owner.id}" does not fit its name`);
  if (owner.cgroup.split("/").some((part) => ["", ".", ".."].includes(part)))
    throw bad("cgroup is not a plain path");
  parseCpuSet(owner.cpus);
  return owner;
}

/** The CPUs an owner holds, as a set. */
export function cpusOf(owner: Pick<Owner, "cpus">): CpuSet {
  return parseCpuSet(owner.cpus);
}
