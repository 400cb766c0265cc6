import { copyFile, mkdir, readdir, rm, symlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { exec, failed, must } from "../exec.ts";

/** Drivers of the disk, its file system and the network; a name that is built into the kernel is no error. */
const MODULES = [
  "virtio_pci",
  "virtio_mmio",
  "virtio_blk",
  "ext4",
  "crc32c_generic",
  "virtio_net",
  "virtio_rng",
];

export interface InitrdRequest {
  /** The guest's root file system, unpacked. */
  root: string;
  /** Kernel release, as a folder of /usr/lib/modules. */
  kernel: string;
  /** Script that becomes /init. */
  init: string;
  /** Gets `initrd.gz`. */
  directory: string;
}

/** A file's place in the load order, so that `insmod /m/*` loads each after what it needs. */
export function ordered(paths: readonly string[]): [path: string, name: string][] {
  return [...new Set(paths)].map((path, index) => [
    path,
    `${String(index).padStart(2, "0")}-${basename(path)}`,
  ]);
}

/** Makes an initrd of a megabyte: busybox and the modules without which the disk cannot be read. */
export async function makeInitrd({ root, kernel, init, directory }: InitrdRequest): Promise<void> {
  const tree = join(directory, "initrd");
  for (const each of ["bin", "dev", "proc", "sys", "m", "newroot"]) {
    await mkdir(join(tree, each), { recursive: true });
  }
  await copyFile(join(root, "usr/bin/busybox"), join(tree, "bin/busybox"));
  await symlink("busybox", join(tree, "bin/sh"));
  await copyFile(init, join(tree, "init"));
  await must("chmod", ["755", join(tree, "init"), join(tree, "bin/busybox")]);
  for (const [path, name] of ordered(await modulePaths(root, kernel))) {
    await copyFile(join(root, path), join(tree, "m", name));
  }
  await unpackModules(join(tree, "m"));
  await must("sh", ["-c", "find . | cpio -o -H newc --quiet | gzip -1 > ../initrd.gz"], { cwd: tree });
  await rm(tree, { recursive: true });
}

async function modulePaths(root: string, kernel: string): Promise<string[]> {
  const paths: string[] = [];
  for (const module of MODULES) {
    const output = await exec("chroot", [root, "modprobe", "-S", kernel, "--show-depends", module]);
    if (output.code !== 0 && !output.stderr.includes("not found")) throw failed(`modprobe ${module}`, output);
    paths.push(...output.stdout.split("\n").flatMap((line) => /^insmod (\S+)/.exec(line)?.[1] ?? []));
  }
  return paths;
}

/** busybox's insmod reads plain modules only. */
async function unpackModules(directory: string): Promise<void> {
  const names = (await readdir(directory)).map((name) => join(directory, name));
  const packed = (extension: string): string[] => names.filter((name) => name.endsWith(extension));
  if (packed(".xz").length > 0) await must("xz", ["-d", ...packed(".xz")]);
  if (packed(".zst").length > 0) await must("zstd", ["-q", "-d", "--rm", ...packed(".zst")]);
}
