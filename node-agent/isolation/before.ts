import { SchedgateError, codeOf, messageOf } from "../../common/errors.ts";
import { type HostFs, readIfThere } from "../host/host-fs.ts";
import { asideProblem, copyAside } from "./aside.ts";

/** What each kernel file held before its first change, byte for byte; keys are paths below the cpuset hierarchy's root. */
export type Before = ReadonlyMap<string, string>;

/** The before-file (`/run/schedgate/before.json`). It is written before the first write into the kernel. */
export interface BeforeFile {
  /** Undefined where it is unusable. */
  read(): Before | undefined;
  /** Why it is unusable, or that one was; undefined where all is well. */
  problem(): string | undefined;
  /** Keeps an unusable file for a person; it stays in force until the next `save`. The caller holds the lock. */
  setAside(): void;
  save(before: Before): void;
}

/** Opens it; entries of another boot describe a kernel that is gone and are not used. */
export function beforeFile(hostFs: HostFs, path: string, bootId: string): BeforeFile {
  const load = (): Before => {
    // An error for each look at an idle node would cost more than the look.
    const text = hostFs.exists(path) ? readIfThere(hostFs, path) : undefined;
    if (text === undefined) return new Map();
    const { bootId: boot, files } = parse(text, path);
    return new Map(boot === bootId ? Object.entries(files) : []);
  };
  return {
    read: () => {
      try {
        return load();
      } catch (error) {
        if (codeOf(error) === "E_BEFORE") return undefined;
        throw error;
      }
    },
    problem: () => {
      try {
        load();
        return asideProblem(hostFs, path);
      } catch (error) {
        return messageOf(error);
      }
    },
    setAside: () => {
      copyAside(hostFs, path);
    },
    save: (before) => {
      if (before.size === 0) {
        hostFs.remove(path);
        return;
      }
      const files = Object.fromEntries([...before].sort(([a], [b]) => (a < b ? -1 : 1)));
      hostFs.replace(path, `${JSON.stringify({ version: 1, bootId, files })}\n`);
    },
  };
}

function parse(text: string, path: string): { bootId: string; files: Record<string, string> } {
  const unusable = (why: string): SchedgateError =>
    new SchedgateError(
      "E_BEFORE",
      `${path} is unusable (${why}): what the kernel's files held before is not known`,
    );
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw unusable(messageOf(error));
  }
  const file = (value ?? {}) as { version?: unknown; bootId?: unknown; files?: unknown };
  if (file.version !== 1 || typeof file.bootId !== "string") throw unusable("not version 1");
  if (typeof file.files !== "object" || file.files === null) throw unusable("no files");
  if (Object.values(file.files).some((content) => typeof content !== "string"))
    throw unusable("a content is no text");
  return { bootId: file.bootId, files: file.files as Record<string, string> };
}
