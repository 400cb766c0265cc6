import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Cache, seconds } from "../../../lab/cache.ts";
import { must } from "../../../lab/exec.ts";
import { go } from "../../../lab/go.ts";

const MODULE = "github.com/kyverno/kyverno";
const VERSION = "v1.18.1";
const PACKAGE = `${MODULE}/cmd/kyverno`;

/** The one replacement in Kyverno's own go.mod: it builds with its fork only, and replacements hold for a main module alone. */
const REPLACE =
  "k8s.io/pod-security-admission => github.com/kyverno/pod-security-admission v0.0.0-20251031094455-46f20778634f";

/** Nothing waits for it in vain. */
const NICE = 19;

/** Paths of Kyverno's admission controller and of the manifests of its kinds. */
export interface Kyverno {
  program: string;
  /** A folder of CRD manifests. */
  crds: string;
}

/** Kyverno from its Go module, about 4 minutes on a quiet machine. */
export async function buildKyverno(cache: Cache, log: (line: string) => void): Promise<Kyverno> {
  const recipe = { package: PACKAGE, replace: REPLACE, arch: process.arch };
  const directory = await cache.get({ thing: "kyverno", version: VERSION, recipe }, async (out) => {
    const work = join(out, "work");
    await mkdir(work);
    await writeFile(join(work, "go.mod"), goMod());
    const start = Date.now();
    await go(work, ["mod", "tidy"], NICE);
    await go(work, ["build", "-trimpath", "-ldflags", "-s -w", "-o", join(out, "kyverno"), PACKAGE], NICE);
    log(`  kyverno ${VERSION}: ${seconds(start)}`);
    const module = (await go(work, ["list", "-m", "-f", "{{.Dir}}", MODULE], NICE)).trim();
    await must("cp", ["-r", "--no-preserve=mode", join(module, "config/crds"), join(out, "crds")]);
    await rm(work, { recursive: true });
  });
  return { program: join(directory, "kyverno"), crds: join(directory, "crds") };
}

function goMod(): string {
  return `module lab\n\ngo 1.26\n\ntool ${PACKAGE}\n\nrequire ${MODULE} ${VERSION}\n\nreplace ${REPLACE}\n`;
}
