import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { cacheRoot, openCache } from "../../cache.ts";
import { must } from "../../exec.ts";
import { baseImage, baseName, storage } from "./base.ts";

const root = join(import.meta.dirname, "../../../..");

/** The product's image in the lab. */
export const imageName = "localhost/schedgate:dev";

/** Builds the image from the working tree, by the same Containerfile as for users. Returns the path of an OCI archive. */
export async function buildImage(directory: string, log: (line: string) => void): Promise<string> {
  await must(process.execPath, [join(root, "tools/build.ts")], { cwd: root });
  const store = storage(await baseImage(openCache(cacheRoot(process.env), log), log));
  const context = [
    "-f",
    join(root, "Containerfile"),
    "--build-arg",
    `BASE=${baseName}`,
    "-t",
    imageName,
    root,
  ];
  await must("buildah", [
    ...store,
    "bud",
    "--isolation",
    "chroot",
    "--pull-never",
    "--layers=false",
    ...context,
  ]);
  await mkdir(directory, { recursive: true });
  const archive = join(directory, "schedgate.oci.tar");
  await rm(archive, { force: true });
  await must("buildah", [...store, "push", imageName, `oci-archive:${archive}:${imageName}`]);
  // The build before this one has lost its name.
  await must("buildah", [...store, "rmi", "--prune"]);
  return archive;
}
