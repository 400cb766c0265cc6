import { type FSWatcher, watch } from "node:fs";
import { isGone } from "../host/host-fs.ts";

/** inotify watches on a changing set of directories. */
export interface Watches {
  /** Watches exactly these. Returns whether any is new: what happened in it before is not known then. */
  set(dirs: readonly string[]): boolean;
  close(): void;
}

/**
 * Calls `onChange` for entries that come and go and for writes to files that `matters` names. A directory that is gone
 * ends its watch silently: its parent's watch tells.
 */
export function directoryWatches(onChange: () => void, matters: (file: string) => boolean): Watches {
  const open = new Map<string, FSWatcher>();
  const close = (dir: string): void => {
    open.get(dir)?.close();
    open.delete(dir);
  };
  const start = (dir: string): boolean => {
    try {
      const watcher = watch(dir, { persistent: false }, (event, file) => {
        if (event === "rename" || file === null || matters(file)) onChange();
      });
      watcher.once("error", () => {
        close(dir);
      });
      open.set(dir, watcher);
      return true;
    } catch (error) {
      if (isGone(error)) return false;
      throw error;
    }
  };
  return {
    set: (dirs) => {
      const wanted = new Set(dirs);
      for (const dir of open.keys()) if (!wanted.has(dir)) close(dir);
      const fresh = dirs.filter((dir) => !open.has(dir));
      return fresh.filter(start).length > 0;
    },
    close: () => {
      for (const dir of [...open.keys()]) close(dir);
    },
  };
}
