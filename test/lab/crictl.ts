import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Cache, seconds } from "./cache.ts";
import { go, toolModule } from "./go.ts";

const MODULE = "sigs.k8s.io/cri-tools";
const VERSION = "v1.36.0";

/** Path of crictl, the command for a runtime's CRI socket, from its Go module (half a minute, once). */
export async function buildCrictl(cache: Cache, log: (line: string) => void): Promise<string> {
  const directory = await cache.get(
    { thing: "crictl", version: VERSION, recipe: process.arch },
    async (out) => {
      const work = join(out, "work");
      await mkdir(work);
      await writeFile(join(work, "go.mod"), toolModule(MODULE, VERSION, ["crictl"]));
      const start = Date.now();
      await go(work, ["mod", "tidy"]);
      await go(work, ["build", "-trimpath", "-ldflags", "-s -w", "-o", out, `${MODULE}/cmd/crictl`]);
      log(`  crictl ${VERSION}: ${seconds(start)}`);
      await rm(work, { recursive: true });
    },
  );
  return join(directory, "crictl");
}
