import { copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { SchedgateError } from "../../common/errors.ts";
import type { Cache } from "../lab/cache.ts";
import { must } from "../lab/exec.ts";
import { debianMirror } from "../lab/vm/debian.ts";

const KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg";
const CLOUD = /^linux-(?:image|binary)-(\d\S*)-cloud-amd64(?:-unsigned)?$/;

/** Older kernels have virtio's console as modules; what else a guest without disk and network uses is built in. */
const MODULE =
  /modules\/([^/]+)\/kernel\/drivers\/(?:virtio\/virtio(?:_ring|_pci\w*)?|char\/virtio_console)\.ko$/;

/** A directory with `vmlinuz`, the newest cloud kernel of a Debian suite, and `modules/RELEASE/*.ko`; fetched once. */
export async function kernelPackage(cache: Cache, suite: string): Promise<string> {
  return cache.get({ thing: "kernel", version: suite, recipe: { layout: 2 } }, async (directory) => {
    const work = await mkdtemp(join(tmpdir(), "schedgate-kernel-"));
    try {
      await download(suite, work);
      await keep(join(work, "x"), directory, suite);
    } finally {
      await rm(work, { recursive: true });
    }
  });
}

async function keep(unpacked: string, directory: string, suite: string): Promise<void> {
  const files = await readdir(unpacked, { recursive: true });
  // /boot/vmlinuz-VERSION, or /usr/lib/modules/VERSION/vmlinuz.
  const image = files.find((name) => /\/vmlinuz(-[^/]*)?$/.test(name));
  if (image === undefined) throw new SchedgateError("E_LAB", `the kernel package of ${suite} has no vmlinuz`);
  await copyFile(join(unpacked, image), join(directory, "vmlinuz"));
  await mkdir(join(directory, "modules"));
  for (const file of files) {
    const release = MODULE.exec(file)?.[1];
    if (release === undefined) continue;
    await mkdir(join(directory, "modules", release), { recursive: true });
    await copyFile(join(unpacked, file), join(directory, "modules", release, basename(file)));
  }
}

// A state of apt's own beside the machine's: another suite must not become a source of this machine.
async function download(suite: string, work: string): Promise<void> {
  for (const name of ["state/lists/partial", "cache/archives/partial", "parts", "x"]) {
    await mkdir(join(work, name), { recursive: true });
  }
  await writeFile(join(work, "state/status"), "");
  const mirror = await debianMirror();
  if (mirror === undefined) {
    throw new SchedgateError(
      "E_LAB",
      "this machine's apt names no Debian mirror in /etc/apt/sources.list or sources.list.d: add one",
    );
  }
  await writeFile(join(work, "sources.list"), `deb [signed-by=${KEYS}] ${mirror} ${suite} main\n`);
  const options = [
    `Dir::State=${work}/state`,
    `Dir::State::status=${work}/state/status`,
    `Dir::Cache=${work}/cache`,
    `Dir::Etc::sourcelist=${work}/sources.list`,
    `Dir::Etc::sourceparts=${work}/parts`,
    "Acquire::Languages=none",
    "APT::Sandbox::User=root",
  ].flatMap((option) => ["-o", option]);
  await must("apt-get", [...options, "-qq", "update"]);
  const names = await must("apt-cache", [...options, "pkgnames", "linux-"]);
  await must("apt-get", [...options, "-qq", "download", newestCloudKernel(names.split("\n"))], { cwd: work });
  const deb = (await readdir(work)).find((name) => name.endsWith(".deb")) ?? "";
  await must("dpkg-deb", ["-x", join(work, deb), join(work, "x")]);
}

/** The package with the newest cloud kernel's image; unsigned where there are both. @throws SchedgateError E_LAB where there is none. */
export function newestCloudKernel(packages: readonly string[]): string {
  const kernels = packages.filter((name) => CLOUD.test(name));
  // Since 7.x the image package is empty and depends on linux-binary.
  const rank = (name: string): number =>
    Number(name.endsWith("-unsigned")) + 2 * Number(name.startsWith("linux-binary"));
  const [newest] = kernels.sort(
    (a, b) =>
      (CLOUD.exec(b)?.[1] ?? "").localeCompare(CLOUD.exec(a)?.[1] ?? "", "en", { numeric: true }) ||
      rank(b) - rank(a),
  );
  if (newest === undefined) throw new SchedgateError("E_LAB", "the suite has no cloud kernel for amd64");
  return newest;
}
