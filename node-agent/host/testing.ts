import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A directory that stands for a host's root, and what tests put into it. */
export interface TemporaryTree {
  /** Its path. */
  readonly root: string;
  /** Makes it, empty and at another path than the last: for `beforeEach`. */
  make: () => void;
  /** Removes it: for `afterEach`. */
  remove: () => void;
  /** Writes a file below it, with its directories. */
  file: (path: string, text: string) => void;
}

/** A tree that is there between `make` and `remove`. */
export function temporaryTree(): TemporaryTree {
  let root = "";
  return {
    get root() {
      return root;
    },
    make: () => {
      root = mkdtempSync(join(tmpdir(), "schedgate-unit-"));
    },
    remove: () => {
      rmSync(root, { recursive: true });
    },
    file: (path, text) => {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    },
  };
}
