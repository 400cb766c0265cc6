import { createReadStream, createWriteStream } from "node:fs";
import { copyFile, cp, mkdir, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { build } from "esbuild";
import type { Cache } from "../lab/cache.ts";
import { exec } from "../lab/exec.ts";
import { MACHINE } from "../lab/vm/qemu.ts";
import { type CellName, cells } from "./cells.ts";
import type { Result } from "./guest/report.ts";
import { archive, rootArchive } from "./image.ts";
import { kernelPackage } from "./kernel-package.ts";

const repo = join(import.meta.dirname, "../..");

const KERNEL_LINE = [
  ...["console=ttyS0", "loglevel=1", "mitigations=off", "random.trust_cpu=on", "audit=0", "tsc=reliable"],
  ...["nowatchdog", "panic=-1", "rdinit=/init", "systemd.show_status=no", "systemd.unit=kernels.target"],
];

// Results have a console of their own: an emulated UART drops bytes on a busy machine, and the kernel writes to it too.
const output = (dir: string): string[] => [
  ...["-serial", `file:${join(dir, "console.log")}`, "-chardev", `file,id=out,path=${join(dir, "results")}`],
  ...["-device", "virtio-serial-pci", "-device", "virtconsole,chardev=out"],
];

/** Of one boot; enough on a machine that is busy with other work. */
const TIMEOUT_MS = 900_000;

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
  boot(cell: CellName): Promise<Booted>;
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
  return {
    boot: async (name) => {
      const { suite, cgroup } = cells[name];
      const kernel = join(await kernelPackage(cache, suite), "vmlinuz");
      const line = [...KERNEL_LINE, ...(cgroup === "v1" ? LEGACY : []), `schedgate.cell=${name}`].join(" ");
      const started = Date.now();
      const args = [...MACHINE, ...output(dir), "-kernel", kernel, "-initrd", initrd, "-append", line];
      const { stderr } = await exec("qemu-system-x86_64", args, { timeoutMs: TIMEOUT_MS });
      const seconds = Math.round((Date.now() - started) / 1000);
      const console = await readFile(join(dir, "console.log"), "utf8");
      return {
        ...parse(await readFile(join(dir, "results"), "utf8")),
        seconds,
        console: `${stderr}${console}`,
      };
    },
    remove: () => rm(dir, { recursive: true }),
  };
}

async function layOut(root: string): Promise<void> {
  const home = join(root, "opt/schedgate");
  for (const name of ["bin", "lib"]) await mkdir(join(home, name), { recursive: true });
  for (const name of ["launcher.sh", "hook.sh"])
    await copyFile(join(repo, "node-agent/oci", name), join(home, "bin", name));
  await copyFile(join(repo, "node-agent/oci/settings.sh"), join(home, "lib/settings.sh"));
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
