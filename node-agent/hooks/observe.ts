import type { Protection } from "../../common/api/protection.ts";
import { messageOf } from "../../common/errors.ts";
import { type HostFs, ifThere } from "../host/host-fs.ts";
import type { HookDir } from "./hook-dirs.ts";
import { fileFlaw } from "./hook-file.ts";

/** A file of hooks.d, as it stands. */
export interface HookFile {
  path: string;
  text: string;
  /** Why there is no text. */
  unread?: string;
}

/** A hook file that pods can trigger and that no HookProfile protects. */
export interface ObservedHook {
  file: string;
  reason: string;
}

/** The API's bounds of `status.observedHooks`. */
const HOOKS_MAX = 64;
const FILE_MAX = 4096;
const REASON_MAX = 1024;

/** Every `*.json` of the directories; also a directory that should be there and cannot be seen, and a file that cannot be read. */
export function readHooks(hostFs: HostFs, dirs: readonly HookDir[]): HookFile[] {
  return dirs.flatMap(({ path: dir, configured }) => {
    const names = ifThere(() => hostFs.list(dir));
    if (names === undefined)
      return configured
        ? [{ path: dir, text: "", unread: "CRI-O reads hooks here, and it cannot be seen from here" }]
        : [];
    return names
      .filter((name) => name.endsWith(".json"))
      .map((name) => `${dir}/${name}`)
      .map((path) => fileAt(hostFs, path));
  });
}

function fileAt(hostFs: HostFs, path: string): HookFile {
  try {
    return { path, text: hostFs.read(path) };
  } catch (error) {
    return { path, text: "", unread: `it cannot be read: ${messageOf(error)}` };
  }
}

/** Those that no profile protects, at most as many as the API takes: the last entry then says how many more. */
export function observedHooks(
  files: readonly HookFile[],
  protections: readonly Protection[],
): ObservedHook[] {
  const all = files.flatMap(({ path, text, unread }) => {
    const reason = unread ?? fileFlaw(text, protections);
    return reason === undefined
      ? []
      : [{ file: path.slice(0, FILE_MAX), reason: reason.slice(0, REASON_MAX) }];
  });
  if (all.length <= HOOKS_MAX) return all;
  const more = all.length - HOOKS_MAX + 1;
  return [
    ...all.slice(0, HOOKS_MAX - 1),
    { file: "…", reason: `${more} more files that are not named here` },
  ];
}
