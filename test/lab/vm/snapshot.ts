import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { SchedgateError } from "../../../common/errors.ts";
import { must } from "../exec.ts";
import { makeBaseImages } from "../oci.ts";
import { freePorts } from "../ports.ts";
import type { BuildContext } from "../types.ts";
import { waitFor } from "../wait.ts";
import { guestImage } from "./image.ts";
import { loadImage } from "./load.ts";
import { connectMonitor, type Monitor } from "./qmp.ts";
import { EXCHANGE_BYTES, MACHINE, monitorSocket, startVm } from "./qemu.ts";
import { guestShell } from "./shell.ts";

/** A guest that has booted: its kernel and initrd, and the disk and memory to go on from. */
export interface Snapshot {
  image: string;
  /** Directory with `disk.qcow2` and `memory.mig`. */
  directory: string;
}

/**
 * The snapshot of a guest whose runtime is up and holds the base images; neither kubelet nor kube-proxy has run in it,
 * and nothing in it belongs to one cluster.
 */
export async function guestSnapshot(context: BuildContext): Promise<Snapshot> {
  const { cache, options } = context;
  const image = await guestImage(context);
  const qemu = (await must("qemu-system-x86_64", ["--version"])).split("\n")[0];
  const recipe = { image, qemu, MACHINE, EXCHANGE_BYTES, layout: 1 };
  const key = { thing: "snapshot", version: `${options.runtime}-${options.kubernetes}`, recipe };
  const directory = await cache.get(key, (into) => boot(context, image, into));
  return { image, directory };
}

async function boot(
  { stateDir, processes, options }: BuildContext,
  image: string,
  into: string,
): Promise<void> {
  const { runtime, signal, log } = options;
  const directory = join(stateDir, "boot");
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  const [shellPort = 0, proxy = 0] = await freePorts(2);
  const backing = { file: join(image, "disk.ext4"), format: "raw" as const };
  await startVm({ directory, image, backing, ports: { shell: shellPort, proxy } }, processes);
  const shell = guestShell(shellPort);
  await shell.wait(120_000, signal);
  log("  the VM is up");
  await waitFor({ what: `${runtime} in the VM`, timeoutMs: 120_000, intervalMs: 300, signal }, async () =>
    (await shell.run(`systemctl is-active --quiet ${runtime}`)).code === 0 ? true : undefined,
  );
  for (const { name, archive } of await makeBaseImages(join(image, "busybox"), join(directory, "images"))) {
    await loadImage({ directory, runtime, shell }, archive, name);
  }
  log("  it has its images");
  await shell.must("sync");
  await save(directory);
  await processes.end("vm");
  await must("mv", [join(directory, "disk.qcow2"), join(directory, "memory.mig"), into]);
  await rm(directory, { recursive: true });
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
export async function resume(directory: string, signal?: AbortSignal): Promise<void> {
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
