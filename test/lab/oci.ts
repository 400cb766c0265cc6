import { createHash } from "node:crypto";
import { cp, mkdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { must } from "./exec.ts";

/** How an image starts. */
interface ImageConfig {
  entrypoint?: readonly string[];
  command?: readonly string[];
  env?: readonly string[];
}

export interface BaseImage {
  /** As pods name it. */
  name: string;
  /** Path of an OCI archive. */
  archive: string;
}

/** The image that holds a pod's namespaces. CRI-O waits minutes for one that does not die on SIGTERM. */
export const PAUSE_IMAGE = "localhost/pause:1";
/** A shell with sleep, taskset and the other small tools. */
export const BUSYBOX_IMAGE = "localhost/busybox:1";

const PAUSE = ["/bin/sh", "-c", 'trap "exit 0" TERM INT; sleep inf & wait'];
const PATH = "PATH=/bin:/sbin:/usr/bin:/usr/sbin";

/** Makes the images every lab node has, from one static busybox: no engine, no registry. */
export async function makeBaseImages(busybox: string, directory: string): Promise<BaseImage[]> {
  const root = join(directory, "root");
  await mkdir(join(root, "bin"), { recursive: true });
  for (const each of ["etc", "proc", "sys", "dev", "tmp"]) await mkdir(join(root, each), { recursive: true });
  await cp(busybox, join(root, "bin/busybox"));
  for (const applet of (await must(busybox, ["--list"])).trim().split("\n")) {
    if (applet !== "busybox") await symlink("busybox", join(root, "bin", applet));
  }
  const images = [
    { name: PAUSE_IMAGE, archive: join(directory, "pause.tar"), config: { entrypoint: PAUSE, env: [PATH] } },
    {
      name: BUSYBOX_IMAGE,
      archive: join(directory, "busybox.tar"),
      config: { command: ["/bin/sh"], env: [PATH] },
    },
  ];
  for (const { name, archive, config } of images) await makeArchive({ root, config, name, archive });
  await rm(root, { recursive: true });
  return images.map(({ name, archive }) => ({ name, archive }));
}

interface ArchiveRequest {
  /** The directory whose content is the root file system. */
  root: string;
  config: ImageConfig;
  name: string;
  archive: string;
}

/** Writes an OCI archive of one uncompressed layer (image-spec, Image Layout). */
async function makeArchive({ root, config, name, archive }: ArchiveRequest): Promise<void> {
  const layout = `${archive}.layout`;
  const blobs = join(layout, "blobs/sha256");
  await mkdir(blobs, { recursive: true });
  const layer = join(layout, "layer.tar");
  await must("tar", [
    "--sort=name",
    "--mtime=@0",
    "--owner=0",
    "--group=0",
    "--numeric-owner",
    "-C",
    root,
    "-cf",
    layer,
    ".",
  ]);
  const layerDigest = sha256(await readFile(layer));
  const layerSize = (await stat(layer)).size;
  await must("mv", [layer, join(blobs, layerDigest)]);

  const add = async (value: object, mediaType: string): Promise<object> => {
    const bytes = Buffer.from(JSON.stringify(value));
    await writeFile(join(blobs, sha256(bytes)), bytes);
    return { mediaType, digest: `sha256:${sha256(bytes)}`, size: bytes.length };
  };
  const configuration = await add(
    {
      architecture: process.arch === "x64" ? "amd64" : process.arch,
      os: "linux",
      config: { Entrypoint: config.entrypoint, Cmd: config.command, Env: config.env },
      rootfs: { type: "layers", diff_ids: [`sha256:${layerDigest}`] },
    },
    "application/vnd.oci.image.config.v1+json",
  );
  const layers = [
    { mediaType: "application/vnd.oci.image.layer.v1.tar", digest: `sha256:${layerDigest}`, size: layerSize },
  ];
  const manifestType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = await add(
    { schemaVersion: 2, mediaType: manifestType, config: configuration, layers },
    manifestType,
  );
  const annotations = { "org.opencontainers.image.ref.name": name };
  await writeFile(
    join(layout, "index.json"),
    JSON.stringify({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }),
  );
  await writeFile(join(layout, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  await must("tar", ["-C", layout, "-cf", archive, "oci-layout", "index.json", "blobs"]);
  await rm(layout, { recursive: true });
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
