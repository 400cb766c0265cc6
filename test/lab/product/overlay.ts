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
    patches: kubeletPatches(lab.agentSettings["SCHEDGATE_KUBELET_STATE"]),
  };
  await writeFile(join(directory, "kustomization.yaml"), JSON.stringify(kustomization, undefined, 2));
  return directory;
}

/** A kubelet with a root directory of its own: the agent reads its state file there. */
function kubeletPatches(stateFile: string | undefined): object[] {
  if (stateFile === undefined) return [];
  const path = stateFile.replace(/\/[^/]*$/, "");
  const spec = {
    template: {
      spec: {
        containers: [
          {
            name: "agent",
            volumeMounts: [
              { $patch: "delete", mountPath: "/host/var/lib/kubelet" },
              { name: "kubelet", mountPath: `/host${path}`, readOnly: true },
            ],
          },
        ],
        volumes: [{ name: "kubelet", hostPath: { path } }],
      },
    },
  };
  const target = { kind: "DaemonSet", name: "schedgate-node-agent" };
  const metadata = { name: "schedgate-node-agent" };
  return [{ target, patch: JSON.stringify({ apiVersion: "apps/v1", kind: "DaemonSet", metadata, spec }) }];
}
