import { chmod, copyFile, cp, mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Cache } from "../lab/cache.ts";
import { must } from "../lab/exec.ts";
import { debianRootfs } from "../lab/vm/debian.ts";

const GUEST = join(import.meta.dirname, "guest/files");

/** What the whole node has and these guests don't need: most of its size. */
const LEFT_OUT = [
  ...[
    "./boot",
    "./dev/*",
    "./usr/lib/modules",
    "./usr/lib/cni",
    "./usr/share/[!d]*",
    "./var/lib/apt",
    "./var/lib/dpkg",
  ],
  ...[
    "./var/cache",
    "./usr/bin/containerd-stress",
    "./usr/bin/containerd-shim",
    "./usr/bin/containerd-shim-runc-v1",
    "./usr/bin/skopeo",
    "./usr/bin/perl*",
  ],
  ...["./usr/lib/x86_64-linux-gnu/perl*", "./usr/lib/x86_64-linux-gnu/gconv", "./usr/lib/udev"],
];

/**
 * A directory with `root.cpio`: the Debian of the whole-node VM with systemd, runc and crun, and this Node; small enough
 * to be an initramfs. Uncompressed: unpacking costs an emulated machine more than reading.
 */
export async function rootArchive(cache: Cache): Promise<string> {
  const rootfs = await debianRootfs(cache);
  const recipe = { rootfs, LEFT_OUT, node: process.version, guest: await texts(GUEST), layout: 1 };
  return cache.get({ thing: "kernels-root", version: process.version, recipe }, async (directory) => {
    const root = join(directory, "root");
    await mkdir(root);
    const excluded = LEFT_OUT.map((path) => `--exclude=${path}`);
    await must("tar", ["-xpf", join(rootfs, "rootfs.tar"), "--numeric-owner", ...excluded, "-C", root]);
    await cp(GUEST, root, { recursive: true });
    await chmod(join(root, "init"), 0o755);
    await copyFile(process.execPath, join(root, "usr/local/bin/node"));
    // A container needs no more than one program.
    await mkdir(join(root, "srv/rootfs/bin"), { recursive: true });
    for (const each of ["proc", "dev"]) await mkdir(join(root, "srv/rootfs", each));
    await copyFile(join(root, "usr/bin/busybox"), join(root, "srv/rootfs/bin/busybox"));
    await archive(root, join(directory, "root.cpio"));
    await rm(root, { recursive: true });
  });
}

/** Packs a directory as the kernel unpacks it; archives may follow one another in one initramfs. */
export async function archive(root: string, file: string): Promise<void> {
  await must("sh", ["-c", 'find . | cpio -o -H newc --quiet > "$0.new"', file], { cwd: root });
  await rename(`${file}.new`, file);
}

async function texts(directory: string): Promise<[string, string][]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(
    files
      .sort()
      .map(async (file) => [file.slice(directory.length), await readFile(file, "utf8")] as [string, string]),
  );
}
