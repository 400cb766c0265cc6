import { open } from "node:fs/promises";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { SchedgateError } from "../../../common/errors.ts";
import type { Runtime } from "../types.ts";
import { EXCHANGE_BYTES, exchangeDisk } from "./qemu.ts";
import type { GuestShell } from "./shell.ts";

const DISK = "/dev/vdb";

/** The guest's command that imports an OCI archive of `size` bytes from the start of the exchange disk. */
export function importCommand(runtime: Runtime, name: string, size: number): string {
  const quoted = `'${name}'`;
  // What the guest read from the disk before is another archive by now.
  const read = `blockdev --flushbufs ${DISK} && head -c ${size} ${DISK}`;
  return runtime === "containerd"
    ? `set -o pipefail; ${read} | ctr -n k8s.io images import --index-name ${quoted} -`
    : `set -e; ${read} >/var/tmp/load.tar; trap 'rm -f /var/tmp/load.tar' EXIT; ` +
        `skopeo --insecure-policy copy -q oci-archive:/var/tmp/load.tar containers-storage:${quoted}`;
}

const NAME = /^[a-z0-9][a-z0-9./:_-]{0,200}$/;

/** Makes an OCI archive known to the guest's runtime, by way of a disk that both sides see. */
export async function loadImage(
  vm: { directory: string; runtime: Runtime; shell: GuestShell },
  archive: string,
  name: string,
): Promise<void> {
  const { size } = await stat(archive);
  if (!NAME.test(name))
    throw new SchedgateError("E_IMAGE", `"${name}" is not an image name such as localhost/x:1`);
  if (size > EXCHANGE_BYTES) {
    throw new SchedgateError(
      "E_IMAGE",
      `${archive} has ${size} bytes; the VM's exchange disk has ${EXCHANGE_BYTES}`,
    );
  }
  const disk = await open(exchangeDisk(vm.directory), "r+");
  await pipeline(createReadStream(archive), disk.createWriteStream({ start: 0 }));
  await vm.shell.must(importCommand(vm.runtime, name, size), 180_000);
}
