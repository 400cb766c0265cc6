import { createHash } from "node:crypto";
import { cp, mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { SchedgateError } from "../../../common/errors.ts";
import { must } from "../exec.ts";
import { seconds } from "../cache.ts";
import { type BaseImage, makeBaseImages } from "../oci.ts";
import { freePorts } from "../ports.ts";
import type { Processes } from "../processes.ts";
import type { BuildContext } from "../types.ts";
import { waitFor } from "../wait.ts";
import { guestImage } from "./image.ts";
import { blobsFile, type ImageTarget, loadImage } from "./load.ts";
import { connectMonitor, type Monitor } from "./qmp.ts";
import { EXCHANGE_BYTES, MACHINE, monitorSocket, startVm, type VmSpec } from "./qemu.ts";
import { guestShell } from "./shell.ts";

/** A guest that has booted: its kernel and initrd, and the disk and memory to go on from. */
export interface Snapshot {
  image: string;
  /** Directory with `disk.qcow2` and `memory.mig`. */
  directory: string;
}

/**
 * The snapshot of a guest whose runtime is up and holds the base images, and those to preload; neither kubelet nor
 * kube-proxy has run in it, and nothing in it belongs to one cluster.
 */
export async function guestSnapshot(context: BuildContext): Promise<Snapshot> {
  const { cache, options } = context;
  const { preload = [], runtime, kubernetes } = options;
  const image = await guestImage(context);
  const qemu = (await must("qemu-system-x86_64", ["--version"])).split("\n")[0];
  const recipe = { image, qemu, MACHINE, EXCHANGE_BYTES, WARM_UP };
  const version = `${runtime}-${kubernetes}`;
  const booted = await cache.get({ thing: "snapshot", version, recipe }, (into) =>
    build(context, { image, into }, async (vm) =>
      makeBaseImages(join(image, "busybox"), join(vm.directory, "images")),
    ),
  );
  if (preload.length === 0) return { image, directory: booted };
  const digests = await Promise.all(
    preload.map(async ({ name, archive }) => ({ name, digest: await digest(archive) })),
  );
  const directory = await cache.get({ thing: "preloaded", version, recipe: { booted, digests } }, (into) =>
    build(context, { image, into, from: booted }, () => Promise.resolve([...preload])),
  );
  return { image, directory };
}

/** Reads what every node starts into the guest's page cache: part of the saved memory, and not read again later. */
const WARM_UP = [
  "cd /usr; cat local/bin/* sbin/runc bin/crun bin/conmon bin/containerd-shim-runc-v2 lib/cni/* >/dev/null",
  "iptables-save >/dev/null; sync",
].join("; ");

async function digest(path: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
}

interface Plan {
  image: string;
  /** Gets the snapshot. */
  into: string;
  /** The snapshot to go on from, instead of booting. */
  from?: string;
}

/** Starts a VM, gives it images and saves it. */
async function build(
  { stateDir, processes, options }: BuildContext,
  { image, into, from }: Plan,
  imagesFor: (vm: ImageTarget) => Promise<BaseImage[]>,
): Promise<void> {
  const { runtime, signal, log } = options;
  const directory = join(stateDir, "building-vm");
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  const [shellPort = 0, proxy = 0] = await freePorts(2);
  const ports = { shell: shellPort, proxy };
  await startGuest(
    { directory, image, ports, ...(from === undefined ? {} : { restore: from }) },
    processes,
    signal,
  );
  const shell = guestShell(shellPort);
  await shell.wait(120_000, signal);
  log("  the VM is up");
  await waitFor({ what: `${runtime} in the VM`, timeoutMs: 120_000, intervalMs: 300, signal }, async () =>
    (await shell.run(`systemctl is-active --quiet ${runtime}`)).code === 0 ? true : undefined,
  );
  const vm = { directory, runtime, shell };
  for (const { name, archive } of await imagesFor(vm)) {
    const start = Date.now();
    await loadImage(vm, archive, name);
    log(`  it has ${name} (${seconds(start)})`);
  }
  await shell.must(WARM_UP, 180_000);
  await save(directory);
  await processes.end("vm");
  await must("mv", [
    join(directory, "disk.qcow2"),
    join(directory, "memory.mig"),
    blobsFile(directory),
    into,
  ]);
  await rm(directory, { recursive: true });
}

/** Boots a VM, or lets it go on from a snapshot; returns when its processors run. */
export async function startGuest(
  spec: Omit<VmSpec, "backing">,
  processes: Processes,
  signal?: AbortSignal,
): Promise<void> {
  const { directory, image, restore } = spec;
  if (restore === undefined) {
    await startVm({ ...spec, backing: { file: join(image, "disk.ext4"), format: "raw" } }, processes);
    return;
  }
  await cp(blobsFile(restore), blobsFile(directory));
  await startVm({ ...spec, backing: { file: join(restore, "disk.qcow2"), format: "qcow2" } }, processes);
  await resume(directory, signal);
}

async function save(directory: string): Promise<void> {
  const monitor = await connectMonitor(monitorSocket(directory));
  await monitor.run("stop");
  // qemu's default is 128 MiB/s, made for networks.
  await monitor.run("migrate-set-parameters", { "max-bandwidth": 64 * 1024 ** 3 });
  await monitor.run("migrate", { uri: "exec:cat > memory.mig" });
  await waitFor({ what: "saved memory of the VM", timeoutMs: 120_000 }, () => migrated(monitor));
  await monitor.run("quit");
  monitor.close();
}

async function migrated(monitor: Monitor): Promise<true | undefined> {
  const { status } = (await monitor.run("query-migrate")) as { status?: string };
  if (status === "failed") throw new SchedgateError("E_QEMU", "qemu could not save the VM's memory");
  return status === "completed" ? true : undefined;
}

/** Lets a VM that was started from a snapshot run on, once its memory is read. */
async function resume(directory: string, signal?: AbortSignal): Promise<void> {
  const options = { what: "monitor of the VM", timeoutMs: 30_000, intervalMs: 50, signal };
  const monitor = await waitFor(options, () =>
    connectMonitor(monitorSocket(directory)).catch(() => undefined),
  );
  await waitFor({ what: "restored memory of the VM", timeoutMs: 60_000, signal }, async () => {
    const { status } = (await monitor.run("query-status")) as { status: string };
    return status === "inmigrate" ? undefined : true;
  });
  await monitor.run("cont");
  monitor.close();
}
