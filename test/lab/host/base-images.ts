import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { SchedgateError } from "../../../common/errors.ts";
import { type BaseImage, BUSYBOX_IMAGE, makeBaseImages, PAUSE_IMAGE } from "../oci.ts";
import { findProgram, type Requirement } from "../prerequisites.ts";
import type { BuildContext } from "../types.ts";

export const BASE_IMAGE_REQUIREMENTS: readonly Requirement[] = [
  { program: "busybox", package: "busybox-static" },
  { program: "tar", package: "tar" },
];

/** The images that every node has, from this machine's static busybox. */
export async function baseImages({ cache }: Pick<BuildContext, "cache">): Promise<BaseImage[]> {
  const busybox = findProgram("busybox", process.env["PATH"]);
  if (busybox === undefined)
    throw new SchedgateError("E_MISSING", "busybox is not in PATH (Debian: busybox-static)");
  const recipe = {
    busybox: createHash("sha256")
      .update(await readFile(busybox))
      .digest("hex"),
    form: 1,
  };
  const directory = await cache.get({ thing: "base-images", version: "1", recipe }, async (out) => {
    await makeBaseImages(busybox, out);
  });
  return [
    { name: PAUSE_IMAGE, archive: join(directory, "pause.tar") },
    { name: BUSYBOX_IMAGE, archive: join(directory, "busybox.tar") },
  ];
}
