import { createReadStream, createWriteStream } from "node:fs";
import { copyFile, cp, mkdir, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { build } from "esbuild";
import type { Cache } from "../lab/cache.ts";
import { exec } from "../lab/exec.ts";
import { type Cell, type CellName, cells } from "./cells.ts";
import { inLanes } from "./lanes.ts";
import type { Result } from "./guest/report.ts";
import { archive, rootArchive } from "./image.ts";
import { kernelPackage } from "./kernel-package.ts";

const repo = join(import.meta.dirname, "../..");

/** How many boots run side by side. */
const LANES = 2;

/**
 * The guest's clock counts its instructions (one a nanosecond) and jumps over what it sleeps: nothing in it times out because
 * this machine is busy, and no wait costs time. This takes one thread for all CPUs, which spares it the crash of the newest
 * kernels that change their code while another CPU runs it.
 * Four CPUs, so that some stay beside the isolated ones; and the one that `disable_cpu_apicid` leaves out. The first CPU waits
 * for another one without the instruction `pause` in kernels up to 6.1, and qemu before 8.1 never gives the CPU after it a turn.
 * No `cmpxchg16b`: qemu 7.2 left a pointer in the flags after it, and the kernel that was interrupted then died.
 */
const MACHINE = [
  ...["-M", "q35", "-cpu", "qemu64,+rdrand,-cx16", "-smp", "5", "-m", "3072"],
  ...["-accel", "tcg,thread=single,tb-size=512", "-icount", "shift=0,sleep=off"],
  ...["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"],
];

const KERNEL_LINE = [
  ...["console=ttyS0", "loglevel=1", "mitigations=off", "random.trust_cpu=on", "audit=0", "tsc=reliable"],
  ...["disable_cpu_apicid=1", "lpj=4000000"],
  ...["nowatchdog", "panic=-1", "rdinit=/init", "systemd.show_status=no", "systemd.unit=kernels.target"],
];

// Results have a console of their own: an emulated UART drops bytes on a busy machine, and the kernel writes to it too.
const output = (dir: string): string[] => [
  ...["-serial", `file:${join(dir, "console.log")}`, "-chardev", `file,id=out,path=${join(dir, "results")}`],
  ...["-device", "virtio-serial-pci", "-device", "virtconsole,chardev=out"],
];

/** Of one boot, which takes some 300 s of a CPU: it only ends what hangs, on a machine that may be busy. */
const TIMEOUT_MS = 1_800_000;

const LEGACY = ["systemd.unified_cgroup_hierarchy=0", "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1"];

/** What a guest said. */
export interface Booted {
  /** The kernel's release. */
  kernel: string;
  results: readonly Result[];
  /** Wall clock from qemu's start to its end. */
  seconds: number;
  /** The whole console, for a person. */
  console: string;
}

/** What all boots share: made once a run. */
export interface Guest {
  /** Boots all cells, as many side by side as there are lanes; the outcome of each as soon as it is there. */
  bootAll(cells: readonly CellName[]): ReadonlyMap<CellName, Promise<Booted>>;
  /** Ends what still runs. */
  remove(): Promise<void>;
}

/** Bundles the node side and the scenarios, and lays them over the cached Debian. */
export async function makeGuest(cache: Cache): Promise<Guest> {
  const dir = await mkdtemp(join(tmpdir(), "schedgate-kernels-"));
  const initrd = join(dir, "initrd.cpio");
  await layOut(join(dir, "code"));
  for (const suite of new Set(Object.values(cells).map((cell) => cell.suite)))
    await cp(join(await kernelPackage(cache, suite), "modules"), join(dir, "code/m"), { recursive: true });
  await archive(join(dir, "code"), join(dir, "code.cpio"));
  for (const [index, part] of [join(await rootArchive(cache), "root.cpio"), join(dir, "code.cpio")].entries())
    await pipeline(createReadStream(part), createWriteStream(initrd, { flags: index === 0 ? "w" : "a" }));
  const stop = new AbortController();
  const boot = (name: CellName): Promise<Booted> =>
    bootCell(cache, name, { initrd, dir: join(dir, name), signal: stop.signal });
  return {
    bootAll: (names) => inLanes(names, LANES, boot),
    remove: async () => {
      stop.abort();
      await rm(dir, { recursive: true });
    },
  };
}

interface Files {
  initrd: string;
  /** Gets the boot's console and results. */
  dir: string;
  /** Ends qemu. */
  signal: AbortSignal;
}

async function bootCell(cache: Cache, name: CellName, { initrd, dir, signal }: Files): Promise<Booted> {
  const { suite, cgroup }: Cell = cells[name];
  const kernel = join(await kernelPackage(cache, suite), "vmlinuz");
  const line = [...KERNEL_LINE, ...(cgroup === "v1" ? LEGACY : []), `schedgate.cell=${name}`].join(" ");
  await mkdir(dir);
  const started = Date.now();
  const args = [...MACHINE, ...output(dir), "-kernel", kernel, "-initrd", initrd, "-append", line];
  const { stderr } = await exec("qemu-system-x86_64", args, { timeoutMs: TIMEOUT_MS, signal });
  const seconds = Math.round((Date.now() - started) / 1000);
  const console = await readFile(join(dir, "console.log"), "utf8");
  return { ...parse(await readFile(join(dir, "results"), "utf8")), seconds, console: `${stderr}${console}` };
}

async function layOut(root: string): Promise<void> {
  const home = join(root, "opt/schedgate");
  for (const name of ["bin", "lib"]) await mkdir(join(home, name), { recursive: true });
  for (const name of ["launcher.sh", "hook.sh"])
    await copyFile(join(repo, "node-agent/oci", name), join(home, "bin", name));
  for (const name of ["settings.sh", "asking.sh"])
    await copyFile(join(repo, "node-agent/oci", name), join(home, "lib", name));
  await symlink("/usr/local/bin/node", join(home, "bin/node"));
  const requireForCommonJs =
    'import { createRequire as create } from "node:module"; const require = create(import.meta.url);';
  await build({
    entryPoints: [
      { in: join(repo, "node-agent/oci/main.ts"), out: "companion" },
      { in: join(repo, "node-agent/daemon/main.ts"), out: "agent" },
      { in: join(import.meta.dirname, "guest/main.ts"), out: "guest" },
    ],
    outdir: join(home, "lib"),
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node24",
    banner: { js: requireForCommonJs },
    alias: { "@jest/globals": join(import.meta.dirname, "guest/expect.ts") },
    logLevel: "warning",
  });
}

function parse(text: string): Pick<Booted, "kernel" | "results"> {
  const lines = text.split(/\r?\n/).filter((line) => line.startsWith("{"));
  const [first, ...results] = lines.map((line) => JSON.parse(line) as Result & { kernel?: string });
  return { kernel: first?.kernel ?? "", results };
}
