import { readIfThere } from "../host/host-fs.ts";
import type { WantedFile } from "./containerd-plan.ts";
import type { Host } from "./host.ts";

/** Brings a file to its content. Returns whether it was another. */
export function put({ files }: Pick<Host, "files">, { path, text, temporary }: WantedFile): boolean {
  if (readIfThere(files, path) === text) return false;
  if (text === undefined) {
    files.remove(path);
    return true;
  }
  files.mkdirs(path.slice(0, path.lastIndexOf("/")));
  files.replace(path, text, undefined, temporary);
  return true;
}
