import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Cache, seconds } from "./cache.ts";
import { must } from "./exec.ts";

const MODULE = "sigs.k8s.io/cri-tools";
const VERSION = "v1.36.0";

/** Path of crictl, the command for a runtime's CRI socket, from its Go module (half a minute, once). */
export async function buildCrictl(cache: Cache, log: (line: string) => void): Promise<string> {
  const directory = await cache.get(
    { thing: "crictl", version: VERSION, recipe: process.arch },
    async (out) => {
      const work = join(out, "work");
      await mkdir(work);
      const tool = `${MODULE}/cmd/crictl`;
      await writeFile(
        join(work, "go.mod"),
        `module lab\n\ngo 1.26\n\ntool ${tool}\n\nrequire ${MODULE} ${VERSION}\n`,
      );
      const start = Date.now();
      const env = { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-mod=mod" };
      await must("go", ["mod", "tidy"], { cwd: work, env });
      await must("go", ["build", "-trimpath", "-ldflags", "-s -w", "-o", out, tool], { cwd: work, env });
      log(`  crictl ${VERSION}: ${seconds(start)}`);
      await rm(work, { recursive: true });
    },
  );
  return join(directory, "crictl");
}
