import { driverOf } from "./drivers.ts";
import { GO } from "./go.ts";
import { minorOf } from "./gobuild.ts";
import { ensure, type Requirement } from "./prerequisites.ts";
import type { LabOptions } from "./types.ts";

const CONTROL_PLANE: readonly Requirement[] = [
  GO,
  { program: "openssl", package: "openssl" },
  { program: "flock", package: "util-linux" },
];

/** What builds the product's image, for whoever installs it on the node. */
export const IMAGE_PROGRAMS: readonly Requirement[] = [{ program: "buildah", package: "buildah" }];

/**
 * Makes sure, before anything is built or started, that this machine has all that such a lab takes.
 * @throws SchedgateError E_MISSING that names everything missing at once; E_VERSION where there can be no such Kubernetes.
 */
export async function ensureLab(
  options: Pick<LabOptions, "node" | "runtime" | "kubernetes">,
  log: (line: string) => void,
  more: readonly Requirement[] = [],
): Promise<void> {
  minorOf(options.kubernetes);
  const driver = await driverOf(options.node);
  const programs = [...CONTROL_PLANE, ...driver.requirements(options), ...more];
  await ensure({ programs, root: driver.rootFor }, log);
}
