import { messageOf } from "../../common/errors.ts";
import { type HostFs, ifThere, readIfThere } from "../host/host-fs.ts";
import { asideProblem, nameBeforeAside, setAside } from "./aside.ts";
import { type Owner, parseOwner } from "./owner.ts";

/** Who owns which CPUs: the desired state, one file a container. The whole of isolation follows from it. */
export interface Ledger {
  /** Every entry; an unusable one is named in `problems`, also once it was set aside, and owns nothing. */
  read(): Entries;
  /** Undefined where there is no usable entry. */
  find(id: string): Owner | undefined;
  /** Sets the unusable entries aside; the caller holds the lock. */
  setAside(): void;
  /** Ids of the entries that were set aside and that no newer entry stands for. */
  lost(): string[];
  put(owner: Owner): void;
  /** No error where it is gone. */
  remove(id: string): void;
}

/** What a ledger holds. */
interface Entries {
  owners: Owner[];
  problems: string[];
  /** File names of the entries that cannot be read. */
  unusable: string[];
}

interface Known {
  version: string;
  owner: Owner;
}

/** The ledger in a directory, usually `/run/schedgate/ledger` (tmpfs: gone with the kernel state that it describes). */
export function ledgerIn(hostFs: HostFs, dir: string): Ledger {
  const fileOf = (id: string): string => `${dir}/${id}.json`;
  /** What was read last, by name: of many containers each start would read all entries anew. */
  let known = new Map<string, Known>();
  const entryOf = (name: string): Known | undefined => {
    const version = ifThere(() => hostFs.version(`${dir}/${name}`));
    if (version === undefined) return undefined;
    const before = known.get(name);
    if (before?.version === version) return before;
    const text = readIfThere(hostFs, `${dir}/${name}`);
    return text === undefined ? undefined : { version, owner: parseOwner(text, name) };
  };
  const read = (): Entries => {
    const entries: Entries = { owners: [], problems: [], unusable: [] };
    const names = namesIn(hostFs, dir);
    const seen = new Map<string, Known>();
    for (const name of names.filter((one) => one.endsWith(".json") && !one.startsWith("."))) {
      try {
        const entry = entryOf(name);
        if (entry === undefined) continue;
        seen.set(name, entry);
        entries.owners.push(entry.owner);
      } catch (error) {
        entries.problems.push(messageOf(error));
        entries.unusable.push(name);
      }
    }
    known = seen;
    const aside = asideNames(names).map((name) => asideProblem(hostFs, `${dir}/${name}`) ?? "");
    return { ...entries, problems: [...entries.problems, ...aside] };
  };
  return {
    read,
    find: (id) => {
      const name = `${id}.json`;
      const text = readIfThere(hostFs, fileOf(id));
      try {
        return text === undefined ? undefined : parseOwner(text, name);
      } catch {
        return undefined; // it is named in the problems, and set aside
      }
    },
    put: (owner) => {
      hostFs.mkdirs(dir);
      hostFs.replace(fileOf(owner.id), `${JSON.stringify(owner)}\n`);
    },
    remove: (id) => {
      hostFs.remove(fileOf(id));
    },
    setAside: () => {
      for (const name of read().unusable) setAside(hostFs, `${dir}/${name}`);
    },
    lost: () => {
      const gone = asideNames(namesIn(hostFs, dir)).filter((name) => !hostFs.exists(`${dir}/${name}`));
      return gone.map((name) => name.slice(0, -".json".length));
    },
  };
}

function namesIn(hostFs: HostFs, dir: string): string[] {
  return ifThere(() => hostFs.list(dir)) ?? [];
}

// What the files that were set aside were called.
function asideNames(names: readonly string[]): string[] {
  return names.flatMap((name) => nameBeforeAside(name) ?? []);
}
