import { copyFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Cache } from "./cache.ts";
import { go } from "./go.ts";

/** Files of a published Go module, such as the manifests of its kinds. */
export interface ModuleFiles {
  module: string;
  version: string;
  /** Paths in the module. */
  files: readonly string[];
}

/** A directory with copies of these files, from the Go module proxy when the cache has none. */
export function moduleFiles(cache: Cache, { module, version, files }: ModuleFiles): Promise<string> {
  const key = { thing: `${basename(module)}-files`, version, recipe: { module, files } };
  return cache.get(key, async (out) => {
    const answer = await go(out, ["mod", "download", "-json", `${module}@${version}`]);
    const { Dir: directory } = JSON.parse(answer) as { Dir: string };
    for (const file of files) await copyFile(join(directory, file), join(out, basename(file)));
  });
}
