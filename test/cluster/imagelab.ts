import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { down, type Lab, type LabOptions, up } from "../lab/lab.ts";
import { buildImage } from "../lab/product/image/image.ts";

/** A lab with a node, and the image of the working tree to install in it. */
export interface ImageLab {
  lab: Lab;
  /** Its archive; built while the lab comes up. */
  image: Promise<string>;
  end(): Promise<void>;
}

/** Brings the lab of one test file up; where that fails, nothing of it stays. */
export async function openImageLab(
  options: Pick<LabOptions, "node" | "runtime" | "preload">,
): Promise<ImageLab> {
  const scratch = await mkdtemp(join(tmpdir(), "schedgate-cluster-"));
  const end = async (): Promise<void> => {
    await down();
    await rm(scratch, { recursive: true });
  };
  const image = buildImage(scratch, silent);
  image.catch(() => undefined); // told where it is awaited; the lab may fail before
  try {
    return { lab: await up({ ...options, kubernetes: "v1.36.3", log: silent }), image, end };
  } catch (error) {
    await end();
    throw error;
  }
}

/** Takes no line: a test says what failed. */
export const silent = (): void => undefined;
