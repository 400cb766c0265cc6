import { applyManifests, installSchedgate as installOnNode } from "./product/install.ts";
import { buildImage } from "./product/image/image.ts";
import { startLocalWebhook } from "./product/local.ts";
import type { Lab } from "./types.ts";

/** Installs the product from the working tree into a lab; returns when it is ready to judge. */
export async function installSchedgate(lab: Lab): Promise<void> {
  const { node, log } = lab.options;
  if (node !== "none") {
    log("building the image from the working tree");
    await installOnNode(lab, buildImage(lab.stateDir, log), log);
    return;
  }
  await applyManifests(lab, log);
  await startLocalWebhook(lab);
  log("ok  the webhook runs as a local process and judges");
}
