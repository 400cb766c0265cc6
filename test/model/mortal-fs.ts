import type { HostFs } from "../../node-agent/host/host-fs.ts";

/** The host's files as a process sees them that may be killed: from then on nothing it does has any effect. */
export interface MortalFs {
  hostFs: HostFs;
  /** Every path that it changed or removed. */
  changed: readonly string[];
}

/** @param changes how many changes the process lives to make. */
export function mortalFs(inner: HostFs, changes: number): MortalFs {
  const changed: string[] = [];
  const alive = <T>(work: () => T): T => {
    if (changed.length > changes) throw new Error("this process was killed");
    return work();
  };
  const change = (path: string, work: () => void): void => {
    alive(() => undefined);
    changed.push(path);
    alive(work);
  };
  return {
    changed,
    hostFs: {
      read: (path) => alive(() => inner.read(path)),
      version: (path) => alive(() => inner.version(path)),
      list: (dir) => alive(() => inner.list(dir)),
      subdirectories: (dir) => alive(() => inner.subdirectories(dir)),
      exists: (path) => alive(() => inner.exists(path)),
      readlink: (path) => alive(() => inner.readlink(path)),
      write: (path, text) => {
        change(path, () => {
          inner.write(path, text);
        });
      },
      replace: (path, text, mode, temporary) => {
        change(path, () => {
          inner.replace(path, text, mode, temporary);
        });
      },
      mkdir: (dir) => {
        change(dir, () => {
          inner.mkdir(dir);
        });
      },
      mkdirs: (dir) => {
        change(dir, () => {
          inner.mkdirs(dir);
        });
      },
      rmdir: (dir) => {
        change(dir, () => {
          inner.rmdir(dir);
        });
      },
      remove: (path) => {
        change(path, () => {
          inner.remove(path);
        });
      },
    },
  };
}
