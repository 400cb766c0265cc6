import { messageOf } from "../../common/errors.ts";
import { type HostFs, ifThere, readIfThere } from "../host/host-fs.ts";
import { type Owner, parseOwner } from "./owner.ts";

/** Who owns which CPUs: the desired state, one file a container. The whole of isolation follows from it. */
export interface Ledger {
  /** Every entry; an unusable one is named in `problems` and owns nothing. */
  read(): { owners: Owner[]; problems: string[] };
  find(id: string): Owner | undefined;
  put(owner: Owner): void;
  /** No error where it is gone. */
  remove(id: string): void;
}

/** The ledger in a directory, usually `/run/schedgate/ledger` (tmpfs: gone with the kernel state that it describes). */
export function ledgerIn(hostFs: HostFs, dir: string): Ledger {
  const fileOf = (id: string): string => `${dir}/${id}.json`;
  const read = (): { owners: Owner[]; problems: string[] } => {
    const owners: Owner[] = [];
    const problems: string[] = [];
    for (const name of names(hostFs, dir)) {
      const text = readIfThere(hostFs, `${dir}/${name}`);
      if (text === undefined) continue;
      try {
        owners.push(parseOwner(text, name));
      } catch (error) {
        problems.push(messageOf(error));
      }
    }
    return { owners, problems };
  };
  return {
    read,
    find: (id) => {
      const text = readIfThere(hostFs, fileOf(id));
      return text === undefined ? undefined : parseOwner(text, `${id}.json`);
    },
    put: (owner) => {
      hostFs.mkdirs(dir);
      hostFs.replace(fileOf(owner.id), `${JSON.stringify(owner)}\n`);
    },
    remove: (id) => {
      hostFs.remove(fileOf(id));
    },
  };
}

function names(hostFs: HostFs, dir: string): string[] {
  const all = ifThere(() => hostFs.list(dir)) ?? [];
  return all.filter((name) => name.endsWith(".json") && !name.startsWith("."));
}
