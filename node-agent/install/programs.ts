import { copyFileSync, existsSync, renameSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { SchedgateError } from "../../common/errors.ts";
import { type Host, mounted, onHost, runtimePid } from "./host.ts";
import { HOME } from "./names.ts";

/** Where the image holds what the host gets. */
export interface Image {
  /** Directory of the bundles and scripts. */
  app: string;
  node: string;
  /** Libraries that Node needs beside glibc, taken along only where the host has none. */
  libraries: readonly string[];
}

// What others source or start comes first: a call may come in between.
const FILES = [
  ["settings.sh", "lib/settings.sh", 0o644],
  ["asking.sh", "lib/asking.sh", 0o644],
  ["companion.mjs", "lib/companion.mjs", 0o644],
  ["node.mjs", "lib/node.mjs", 0o644],
  ["launcher.sh", "bin/launcher.sh", 0o755],
  ["hook.sh", "bin/hook.sh", 0o755],
  ["schedgate-node.sh", "bin/schedgate-node", 0o755],
] as const;

/** Puts Node, companion and scripts on the host; what is there already is not copied. Returns the libraries' directory or "". */
export async function installPrograms(host: Host, image: Image): Promise<string> {
  for (const dir of ["bin", "lib", "etc"]) host.files.mkdirs(`${HOME}/${dir}`);
  for (const [from, to, mode] of FILES)
    host.files.replace(`${HOME}/${to}`, host.own.read(join(image.app, from)), mode);
  copy(image.node, mounted(host, `${HOME}/bin/node`));
  // The runtime's own namespace is the one that counts; process 1 may hold more capabilities than a pod can have.
  const pid = runtimePid(host) ?? 1;
  if ((await onHost(host, pid, [`${HOME}/bin/node`, "--version"])).code === 0) return "";
  const dir = `${HOME}/lib/shared`;
  host.files.mkdirs(dir);
  for (const library of image.libraries)
    copy(library, mounted(host, `${dir}/${library.split("/").at(-1) ?? ""}`));
  const { code, stderr } = await onHost(host, pid, [
    "env",
    `LD_LIBRARY_PATH=${dir}`,
    `${HOME}/bin/node`,
    "--version",
  ]);
  if (code === 0) return dir;
  throw new SchedgateError(
    "E_NODE",
    `Node does not run on this host (it needs glibc 2.28 or later): ${stderr.trim().slice(-300)}`,
  );
}

// Same size and time: the same file, as rsync has it. By rename, since the old one may be running.
function copy(from: string, to: string): void {
  const { size, mtime } = statSync(from);
  const now = statSync(to, { throwIfNoEntry: false });
  if (now?.size === size && now.mtime.getTime() === mtime.getTime()) return;
  const temporary = `${to}.new`;
  copyFileSync(from, temporary);
  utimesSync(temporary, mtime, mtime);
  renameSync(temporary, to);
}

/** The libraries of this image that Node is linked with and a host may lack. */
export function librariesHere(): string[] {
  const names = ["libstdc++.so.6", "libgcc_s.so.1", "libatomic.so.1"];
  const dirs = [
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib/aarch64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
  ];
  return names.flatMap((name) =>
    dirs
      .map((dir) => join(dir, name))
      .filter((path) => existsSync(path))
      .slice(0, 1),
  );
}
