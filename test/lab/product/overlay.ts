import { mkdir, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import type { Lab } from "../types.ts";
import { imageName } from "./image/image.ts";

const manifests = join(import.meta.dirname, "../../../manifests");

/** What must be there before the workloads. */
export const prerequisites = join(manifests, "prerequisites");

/**
 * Writes a kustomization over the project's own overlay that names the lab's image and this node's paths, as an admin
 * with an unusual node would. Returns its directory.
 */
export async function writeOverlay(lab: Lab): Promise<string> {
  const directory = join(lab.stateDir, "overlay");
  const [newName, newTag] = imageName.split(":");
  const settings = Object.entries(lab.agentSettings).map(([name, value]) => `${name}=${value}`);
  await mkdir(directory, { recursive: true });
  const kustomization = {
    apiVersion: "kustomize.config.k8s.io/v1beta1",
    kind: "Kustomization",
    namespace: "schedgate-system",
    resources: [relative(directory, join(manifests, "overlays", lab.options.runtime))],
    images: [{ name: "ghcr.io/schedgate/schedgate", newName, newTag }],
    ...(settings.length === 0
      ? {}
      : { configMapGenerator: [{ name: "schedgate-node", behavior: "merge", literals: settings }] }),
    patches: [{ patch: JSON.stringify(shortDrain) }],
  };
  await writeFile(join(directory, "kustomization.yaml"), JSON.stringify(kustomization, undefined, 2));
  return directory;
}

/** One API server hears of an endpoint's end at once: a lab need not serve on for those that hear late. */
const shortDrain = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "schedgate-webhook" },
  spec: {
    template: {
      spec: { containers: [{ name: "webhook", env: [{ name: "SCHEDGATE_DRAIN_SECONDS", value: "2" }] }] },
    },
  },
};
