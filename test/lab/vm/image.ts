import {
  chmod,
  copyFile,
  cp,
  mkdir,
  readdir,
  readFile,
  rm,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { SchedgateError } from "../../../common/errors.ts";
import { buildCrictl } from "../crictl.ts";
import { buildCrio } from "../crio/build.ts";
import { must } from "../exec.ts";
import { nodeBinaries } from "../gobuild.ts";
import type { BuildContext } from "../types.ts";
import { debianRootfs } from "./debian.ts";
import { makeInitrd } from "./initrd.ts";

const GUEST = join(import.meta.dirname, "guest");

/** Room for images and logs; the file is sparse. */
const DISK_BYTES = 6 * 1024 ** 3;

/** Units of Debian that a lab node does without: each costs boot time in an emulated machine. */
const MASKED = [
  ...[
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "fstrim.timer",
  ],
  ...["e2scrub_reap.service", "getty.target", "getty@tty1.service", "serial-getty@ttyS0.service"],
  ...["systemd-tmpfiles-clean.timer", "systemd-update-utmp.service", "systemd-random-seed.service"],
  ...[
    "systemd-hwdb-update.service",
    "systemd-journal-flush.service",
    "systemd-journal-catalog-update.service",
  ],
  ...["ldconfig.service", "systemd-firstboot.service", "systemd-machine-id-commit.service"],
  ...["systemd-remount-fs.service", "systemd-logind.service", "systemd-user-sessions.service"],
  ...["systemd-pcrphase.service", "systemd-tpm2-setup.service", "systemd-tpm2-setup-early.service"],
  ...[
    "dev-hugepages.mount",
    "sys-fs-fuse-connections.mount",
    "modprobe@fuse.service",
    "modprobe@drm.service",
  ],
];

const WANTED = ["lab-network.service", "lab-exec.service", "lab-egress.service"];

/** What qemu boots: `disk.ext4`, `vmlinuz`, `initrd.gz`; and `busybox` for the images. */
export async function guestImage(context: BuildContext): Promise<string> {
  const { cache, options } = context;
  const { runtime, log } = options;
  const kubernetes = await nodeBinaries(cache, options.kubernetes, log);
  const rootfs = await debianRootfs(cache);
  const crio = runtime === "crio" ? await buildCrio(cache, log) : undefined;
  const crictl = runtime === "crio" ? await buildCrictl(cache, log) : undefined;
  const recipe = {
    rootfs,
    kubernetes,
    crio,
    crictl,
    guest: await treeText(GUEST),
    MASKED,
    WANTED,
    DISK_BYTES,
    layout: 1,
  };
  return cache.get(
    { thing: "guest", version: `${runtime}-${options.kubernetes}`, recipe },
    async (directory) => {
      const root = join(directory, "root");
      await mkdir(root);
      await must("tar", [
        "-xpf",
        join(rootfs, "rootfs.tar"),
        "--numeric-owner",
        "--exclude=./dev/*",
        "-C",
        root,
      ]);
      await configure(root, runtime);
      await installBinaries(root, [
        join(kubernetes, "kubelet"),
        join(kubernetes, "kube-proxy"),
        ...(crio ? [crio.crio, crio.pinns] : []),
        ...(crictl ? [crictl] : []),
      ]);
      const kernel = await onlyEntry(join(root, "usr/lib/modules"));
      await copyFile(join(root, `boot/vmlinuz-${kernel}`), join(directory, "vmlinuz"));
      await copyFile(join(root, "usr/bin/busybox"), join(directory, "busybox"));
      await makeInitrd({ root, kernel, init: join(GUEST, "initrd-init"), directory });
      await makeDisk(root, join(directory, "disk.ext4"));
      await rm(root, { recursive: true });
    },
  );
}

async function configure(root: string, runtime: string): Promise<void> {
  for (const tree of ["common", runtime]) {
    // A link of Debian's, such as /etc/resolv.conf, gives way to the file.
    await must("cp", ["-rT", "--remove-destination", "--preserve=mode", join(GUEST, tree), root]);
  }
  const units = join(root, "etc/systemd/system");
  const masked = runtime === "crio" ? [...MASKED, "containerd.service"] : MASKED;
  for (const unit of masked) await relink("/dev/null", join(units, unit));
  const wanted = runtime === "crio" ? [...WANTED, "crio.service"] : WANTED;
  for (const unit of wanted) await relink(`../${unit}`, join(units, "multi-user.target.wants", unit));
  await relink("/usr/lib/systemd/system/multi-user.target", join(units, "default.target"));
  await writeFile(join(root, "etc/fstab"), "");
}

async function relink(target: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await rm(path, { force: true });
  await symlink(target, path);
}

async function installBinaries(root: string, files: readonly string[]): Promise<void> {
  const bin = join(root, "usr/local/bin");
  for (const file of files) {
    const target = join(bin, file.slice(dirname(file).length + 1));
    await cp(file, target);
    await chmod(target, 0o755);
  }
}

async function makeDisk(root: string, disk: string): Promise<void> {
  await writeFile(disk, "");
  await truncate(disk, DISK_BYTES);
  const options = ["-O", "^has_journal", "-E", "lazy_itable_init=1,nodiscard"];
  await must("mke2fs", ["-q", "-t", "ext4", ...options, "-d", root, disk]);
}

async function onlyEntry(directory: string): Promise<string> {
  const [entry, ...others] = await readdir(directory);
  if (entry !== undefined && others.length === 0) return entry;
  throw new SchedgateError("E_LAB", `${directory} has to hold exactly one kernel's modules`);
}

/** All files below a directory with their content, for a cache key. */
async function treeText(directory: string): Promise<Record<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const texts = files
    .sort()
    .map(async (file) => [file.slice(directory.length), await readFile(file, "utf8")] as const);
  return Object.fromEntries(await Promise.all(texts));
}
