import { readFile } from "node:fs/promises";
import { must } from "../exec.ts";

export interface Mount {
  path: string;
  type: string;
}

/** The mounts of a /proc/<pid>/mountinfo, in the order they were made. Blanks in a path stand there as \040. */
export function parseMounts(mountinfo: string): Mount[] {
  return mountinfo
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [before = "", after = ""] = line.split(" - ");
      const path = (before.split(" ")[4] ?? "").replaceAll(/\\([0-7]{3})/g, (_all, octal: string) =>
        String.fromCharCode(Number.parseInt(octal, 8)),
      );
      return { path, type: after.split(" ")[0] ?? "" };
    });
}

/** All mounts that this process sees. */
export async function mounts(): Promise<Mount[]> {
  return parseMounts(await readFile("/proc/self/mountinfo", "utf8"));
}

/** Mount points at or below a directory, the last made first, which is the order to take them away. */
export function mountsBelow(directory: string, all: readonly Mount[]): string[] {
  return all
    .map(({ path }) => path)
    .filter((path) => path === directory || path.startsWith(`${directory}/`))
    .reverse();
}

/** Unmounts everything below a directory. Returns how many mounts that were. */
export async function unmountBelow(directory: string): Promise<number> {
  const paths = mountsBelow(directory, await mounts());
  // Lazily: a mount that some other namespace still holds ends with that.
  for (const path of paths) await must("umount", ["--lazy", "--no-mtab", path]);
  return paths.length;
}
