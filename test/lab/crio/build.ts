import { chmod, copyFile, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Cache, seconds } from "../cache.ts";
import { must } from "../exec.ts";
import { go, toolModule } from "../go.ts";
import type { Requirement } from "../prerequisites.ts";

const MODULE = "github.com/cri-o/cri-o";

/** Without cgo: a static binary, the same for the machine and for a guest of another release. */
const TAGS = ["containers_image_openpgp", "exclude_graphdriver_btrfs", "btrfs_noversion"] as const;

/** The flags of CRI-O's own pinns/Makefile. */
const PINNS_FLAGS = ["-std=c99", "-Os", "-Wall", "-Wextra", "-static", "-s"] as const;

/** The CRI-O release of each Kubernetes minor is its own; this one serves them all as far as the lab goes. */
const CRIO_VERSION = "v1.36.3";

/** Paths of CRI-O's daemon and of its helper that pins a pod's namespaces. Both are static. */
export interface CrioBinaries {
  crio: string;
  pinns: string;
}

/** What the build runs beside Go. */
export const CRIO_BUILD_REQUIREMENTS: readonly Requirement[] = [
  { program: "gcc", package: "gcc" },
  { program: "/usr/include/stdlib.h", package: "libc6-dev" },
];

/** CRI-O from its Go module (about a minute), pinns from the C source in the same module. */
export async function buildCrio(
  cache: Cache,
  log: (line: string) => void,
  version = CRIO_VERSION,
): Promise<CrioBinaries> {
  const recipe = { tags: TAGS, pinns: PINNS_FLAGS, arch: process.arch };
  const directory = await cache.get({ thing: "crio", version, recipe }, async (out) => {
    const work = join(out, "work");
    await mkdir(work);
    await writeFile(join(work, "go.mod"), toolModule(MODULE, version, ["crio"]));
    const start = Date.now();
    // CRI-O's own sums: some of what older releases need is no longer known to the sum database.
    const { Dir: source } = JSON.parse(
      await go(work, ["mod", "download", "-json", `${MODULE}@${version}`]),
    ) as { Dir: string };
    await copyFile(join(source, "go.sum"), join(work, "go.sum"));
    await chmod(join(work, "go.sum"), 0o644);
    await go(work, ["mod", "tidy"]);
    const flags = ["-trimpath", "-ldflags", "-s -w", "-tags", TAGS.join(" ")];
    await go(work, ["build", ...flags, "-o", join(out, "crio"), `${MODULE}/cmd/crio`]);
    log(`  crio ${version}: ${seconds(start)}`);
    const pinns = join(source, "pinns", "src");
    const files = (await readdir(pinns))
      .filter((name) => name.endsWith(".c"))
      .map((name) => join(pinns, name));
    await must("gcc", [...PINNS_FLAGS, "-o", join(out, "pinns"), ...files]);
    await rm(work, { recursive: true });
  });
  return { crio: join(directory, "crio"), pinns: join(directory, "pinns") };
}
