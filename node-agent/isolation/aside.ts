import type { HostFs } from "../host/host-fs.ts";

const SUFFIX = ".unusable";

/** Keeps an unusable state file under another name, where nothing reads it but a person. */
export function setAside(hostFs: HostFs, path: string): void {
  // Copied, then removed: killed in between, it is set aside once more.
  copyAside(hostFs, path);
  hostFs.remove(path);
}

/** The same without the removal: the caller replaces the file. */
export function copyAside(hostFs: HostFs, path: string): void {
  hostFs.replace(`${path}${SUFFIX}`, hostFs.read(path));
}

/** The file that a file set aside was, or undefined where it is none. */
export function nameBeforeAside(name: string): string | undefined {
  return name.endsWith(SUFFIX) ? name.slice(0, -SUFFIX.length) : undefined;
}

/** The problem to report for as long as the file is there; undefined where it is not. */
export function asideProblem(hostFs: HostFs, path: string): string | undefined {
  if (!hostFs.exists(`${path}${SUFFIX}`)) return undefined;
  return `${path} was unusable and was set aside as ${path}${SUFFIX}: remove that file once it was looked at`;
}
