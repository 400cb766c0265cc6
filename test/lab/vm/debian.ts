import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Cache } from "../cache.ts";
import { must } from "../exec.ts";

/** The guest's release: its kernel is 6.12, with cgroup v2's remote partitions. */
const SUITE = "trixie";

const PACKAGES = [
  ...["systemd-sysv", "udev", "dbus", "kmod", "iproute2", "procps", "iptables", "ca-certificates"],
  ...["containerd", "runc", "crun", "conmon", "containernetworking-plugins", "skopeo"],
  ...["busybox-static", "socat", "tinyproxy-bin"],
];

/** Documentation and translations: a third of the size. */
const EXCLUDED = ["/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/i18n/*"];

/**
 * A directory with `rootfs.tar`, a Debian root file system with a kernel in it. Needs root (mmdebstrap --mode=root).
 */
export async function debianRootfs(cache: Cache): Promise<string> {
  const hook = join(import.meta.dirname, "kernel-hook.sh");
  const recipe = { PACKAGES, EXCLUDED, hook: await readFile(hook, "utf8") };
  return cache.get({ thing: "debian", version: SUITE, recipe }, async (directory) => {
    const mirror = await debianMirror();
    await must(
      "mmdebstrap",
      [
        ...["--mode=root", "--variant=minbase", '--aptopt=Acquire::Languages "none"'],
        ...EXCLUDED.map((path) => `--dpkgopt=path-exclude=${path}`),
        ...[`--include=${PACKAGES.join(",")}`, `--customize-hook=sh '${hook}' "$1"`],
        ...[SUITE, join(directory, "rootfs.tar"), ...(mirror === undefined ? [] : [mirror])],
      ],
      { logFile: join(directory, "mmdebstrap.log") },
    );
  });
}

/** The mirror that this machine's own apt uses for Debian; undefined (mmdebstrap's default) where it uses none. */
export async function debianMirror(): Promise<string | undefined> {
  const targets = await must("apt-get", [
    "indextargets",
    "--format",
    "$(REPO_URI) $(COMPONENT)",
    "Created-By: Packages",
  ]);
  return mirrorIn(targets);
}

/** The first repository of the main Debian archive in lines `URI COMPONENT`. */
export function mirrorIn(targets: string): string | undefined {
  const uris = targets.split("\n").map((line) => line.split(" ")[0] ?? "");
  return uris.find((uri) => /^https?:\/\/\S+\/debian\/?$/.test(uri));
}
