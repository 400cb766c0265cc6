import { createReadStream } from "node:fs";
import { type FileHandle, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { SchedgateError } from "../../../common/errors.ts";
import { blobOf, type Span, spansWithout, type TarEntry, tarEntries, withFile } from "../archive.ts";
import { readJson, writeJson } from "../state.ts";
import type { Runtime } from "../types.ts";
import { EXCHANGE_BYTES, exchangeDisk } from "./qemu.ts";
import type { GuestShell } from "./shell.ts";

/** A VM that images can be given to. */
export interface ImageTarget {
  /** The VM's directory. */
  directory: string;
  runtime: Runtime;
  shell: GuestShell;
}

const DISK = "/dev/vdb";
const NAME = /^[a-z0-9][a-z0-9./:_-]{0,200}$/;

/** Smaller blobs are not worth remembering. */
const LARGE = 1024 ** 2;

/** Two empty blocks end a tar. */
const TAR_END = Buffer.alloc(1024);

/** The guest's command that imports the OCI archive at the start of the exchange disk; `size` in bytes. */
export function importCommand(runtime: Runtime, name: string, size: number): string {
  // What the guest read from the disk before is another archive by now. A tar ends itself, so skopeo reads the disk.
  const flush = `set -e -o pipefail; blockdev --flushbufs ${DISK}`;
  return runtime === "containerd"
    ? `${flush}; head -c ${size} ${DISK} | ctr -n k8s.io images import --index-name '${name}' -`
    : `${flush}; skopeo --insecure-policy copy -q oci-archive:${DISK} 'containers-storage:${name}'`;
}

/** Where the digests of large blobs that the guest has are written down, in a VM's or a snapshot's directory. */
export function blobsFile(directory: string): string {
  return join(directory, "blobs.json");
}

/**
 * Makes an OCI archive known to the guest's runtime, by way of a disk that both sides see. Large blobs that an earlier
 * archive brought are left out: an emulated machine needs 15 s to take in 127 MB.
 */
export async function loadImage(vm: ImageTarget, archive: string, name: string): Promise<void> {
  if (!NAME.test(name))
    throw new SchedgateError("E_IMAGE", `"${name}" is not an image name such as localhost/x:1`);
  const { size } = await stat(archive);
  if (size > EXCHANGE_BYTES) {
    throw new SchedgateError(
      "E_IMAGE",
      `${archive} has ${size} bytes; the VM's exchange disk has ${EXCHANGE_BYTES}`,
    );
  }
  const entries = await withFile(archive, "r", tarEntries);
  const known = (await readJson<string[]>(blobsFile(vm.directory))) ?? [];
  const sent = await fill(vm.directory, archive, spansWithout(entries, new Set(known)));
  await vm.shell.must(importCommand(vm.runtime, name, sent), 180_000);
  await writeJson(blobsFile(vm.directory), [...new Set([...known, ...largeBlobs(entries)])]);
}

function largeBlobs(entries: readonly TarEntry[]): string[] {
  return entries.flatMap((entry) => (entry.size < LARGE ? [] : (blobOf(entry) ?? [])));
}

/** Writes spans of the archive one after the other to the exchange disk; returns the bytes written. */
function fill(directory: string, archive: string, spans: readonly Span[]): Promise<number> {
  return withFile(exchangeDisk(directory), "r+", async (disk) => {
    let position = 0;
    for (const { start, end } of spans) {
      await copySpan(archive, { start, end }, disk, position);
      position += end - start;
    }
    await disk.write(TAR_END, 0, TAR_END.length, position);
    return position + TAR_END.length;
  });
}

async function copySpan(
  archive: string,
  { start, end }: Span,
  disk: FileHandle,
  position: number,
): Promise<void> {
  const source = createReadStream(archive, { start, end: end - 1, highWaterMark: LARGE });
  await pipeline(source, async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) {
      await disk.write(chunk, 0, chunk.length, position);
      position += chunk.length;
    }
  });
}
