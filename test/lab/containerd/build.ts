import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Cache, seconds } from "../cache.ts";
import { go, toolModule } from "../go.ts";

/** Without cgo and what the lab does not use: static binaries. */
const TAGS = ["no_btrfs", "no_devmapper", "no_zfs"] as const;

const COMMANDS = ["containerd", "containerd-shim-runc-v2", "ctr"] as const;

/** A directory with containerd, its shim and ctr of a release, from its Go module (a minute or two, once). */
export function buildContainerd(cache: Cache, version: string, log: (line: string) => void): Promise<string> {
  const recipe = { tags: TAGS, commands: COMMANDS, arch: process.arch };
  return cache.get({ thing: "containerd", version, recipe }, async (out) => {
    const work = join(out, "work");
    await mkdir(work);
    const module = moduleOf(version);
    await writeFile(join(work, "go.mod"), toolModule(module, version, COMMANDS));
    await go(work, ["mod", "tidy"]);
    const flags = ["-trimpath", "-tags", TAGS.join(" ")];
    for (const command of COMMANDS) {
      const start = Date.now();
      const named = `-s -w -X ${module}/version.Version=${version}`;
      await go(work, ["build", ...flags, "-ldflags", named, "-o", out, `${module}/cmd/${command}`]);
      log(`  ${command} ${version}: ${seconds(start)}`);
    }
    await rm(work, { recursive: true });
  });
}

/** The Go module of a release: the major version is in its path from 2 on. */
function moduleOf(version: string): string {
  const major = version.split(".")[0] ?? "";
  return `github.com/containerd/containerd${major === "v1" ? "" : `/${major}`}`;
}
