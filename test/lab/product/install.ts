import type { Lab } from "../types.ts";
import { imageName } from "./image/image.ts";
import { kindsServed } from "./kinds.ts";
import { must } from "./must.ts";
import { prerequisites, writeOverlay } from "./overlay.ts";
import { clusterTraces, nodeTraces } from "./traces.ts";

const system = "schedgate-system";

/** Installs the product as its README says, from the archive of its image; returns when webhook and node are ready. */
export async function installSchedgate(
  lab: Lab,
  image: Promise<string>,
  log: (line: string) => void,
): Promise<Installation> {
  const installation = await applySchedgate(lab, image, log);
  await nodeReady(lab, log);
  return installation;
}

/** The same; returns when the webhook is ready, which judges pods before the node can isolate anything. */
export async function applySchedgate(
  lab: Lab,
  image: Promise<string>,
  log: (line: string) => void,
): Promise<Installation> {
  const cluster = await clusterTraces(lab);
  const [node] = await Promise.all([
    nodeTraces(lab), // of the prerequisites nothing comes to the node
    applyPrerequisites(lab, log),
    image.then((archive) => lab.loadImage(archive, imageName)),
  ]);
  const before = { cluster, node };
  const overlay = await applyOverlay(lab, log);
  await must(lab, ["-n", system, "rollout", "status", "deployment/schedgate-webhook", "--timeout=240s"]);
  log("ok  two replicas of the webhook are ready behind their Service");
  return { overlay, before };
}

/** Returns when the node agent serves and has registered the handler. */
export async function nodeReady(lab: Lab, log: (line: string) => void): Promise<void> {
  await must(lab, ["-n", system, "rollout", "status", "daemonset/schedgate-node-agent", "--timeout=240s"]);
  await must(lab, [
    "wait",
    "--for=jsonpath={.metadata.labels.schedgate\\.dev/isolation}=ready",
    "nodes",
    "--all",
    "--timeout=60s",
  ]);
  log(`ok  the node agent is ready and has registered the handler "wrapper" with ${lab.options.runtime}`);
}

/** Applies the manifests as the README says. Returns the directory of the overlay. */
export async function applyManifests(lab: Lab, log: (line: string) => void): Promise<string> {
  await applyPrerequisites(lab, log);
  return applyOverlay(lab, log);
}

async function applyPrerequisites(lab: Lab, log: (line: string) => void): Promise<void> {
  log("$ kubectl apply -k manifests/prerequisites");
  await must(lab, ["apply", "-k", prerequisites]);
  await kindsServed(lab);
}

async function applyOverlay(lab: Lab, log: (line: string) => void): Promise<string> {
  const overlay = await writeOverlay(lab);
  log(`$ kubectl apply -k manifests/overlays/${lab.options.runtime}`);
  await must(lab, ["apply", "-k", overlay]);
  return overlay;
}

/** An installation that can be taken back. */
export interface Installation {
  /** Directory of the kustomization that was applied. */
  overlay: string;
  /** What the cluster and its node looked like before. */
  before: { cluster: string[]; node: string[] };
}

/** Applying the same manifests again changes nothing. Throws with what it would change. */
export async function applyAgain(lab: Lab, { overlay }: Installation): Promise<void> {
  for (const verb of ["apply", "diff"]) {
    await Promise.all([prerequisites, overlay].map((directory) => must(lab, [verb, "-k", directory])));
  }
}

/** Removes the product as the README says. Throws with what is left of it on the node. */
export async function removeSchedgate(
  lab: Lab,
  { overlay, before }: Installation,
  log: (line: string) => void,
): Promise<void> {
  log(`$ kubectl delete -k manifests/overlays/${lab.options.runtime}`);
  await must(lab, ["delete", "-k", overlay, "--timeout=120s"]);
  await must(lab, ["-n", system, "wait", "--for=delete", "pod", "--all", "--timeout=180s"]);
  log("$ kubectl delete -k manifests/prerequisites");
  // The node has put itself back by now, and a namespace stays for 5 s whatever is in it.
  const [node] = await Promise.all([
    nodeTraces(lab),
    must(lab, ["delete", "-k", prerequisites, "--timeout=120s"]),
  ]);
  expectSame(before.node, node);
}

/** Throws with what is left of an installation in the cluster. */
export async function expectRemoved(lab: Lab, { before }: Installation): Promise<void> {
  expectSame(before.cluster, await clusterTraces(lab));
}

function expectSame(before: readonly string[], after: readonly string[]): void {
  const left = [
    ...after.filter((line) => !before.includes(line)),
    ...before.filter((line) => !after.includes(line)),
  ];
  if (left.length > 0) throw new Error(`not as before the installation:\n${left.join("\n")}`);
}
