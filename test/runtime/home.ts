import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { ensurePrograms, findProgram } from "../lab/prerequisites.ts";

const repo = join(import.meta.dirname, "../..");

/** The node side, laid out in a temporary directory as the installer lays it out below /opt/schedgate. */
export interface Home {
  dir: string;
  launcher: string;
  hook: string;
  companion: string;
  /** `schedgate-node`. */
  nodeCommand: string;
  /** State: ledger, notes, before-file. */
  run: string;
  /** Stands for the kubelet's cpu_manager_state. */
  kubeletState: string;
  runc: string;
  remove(): void;
}

/** Builds and lays it out. `runc`: another low-level runtime than the machine's runc. */
export async function makeHome(runc?: string): Promise<Home> {
  await ensurePrograms([{ program: "runc", package: "runc" }], () => undefined);
  const dir = mkdtempSync(join(tmpdir(), "schedgate-runtime-"));
  for (const name of ["bin", "lib", "etc"]) mkdirSync(join(dir, name));
  for (const name of ["launcher.sh", "hook.sh"]) {
    cpSync(join(repo, "node-agent/oci", name), join(dir, "bin", name));
  }
  for (const name of ["settings.sh", "asking.sh"])
    cpSync(join(repo, "node-agent/oci", name), join(dir, "lib", name));
  symlinkSync(process.execPath, join(dir, "bin/node"));
  const companion = join(dir, "lib/companion.mjs");
  cpSync(join(repo, "node-agent/cli/schedgate-node.sh"), join(dir, "bin/schedgate-node"));
  await build({
    entryPoints: [
      { in: join(repo, "node-agent/oci/main.ts"), out: "companion" },
      { in: join(repo, "node-agent/cli/main.ts"), out: "node" },
    ],
    outdir: join(dir, "lib"),
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node24",
    logLevel: "warning",
  });
  const home = {
    dir,
    launcher: join(dir, "bin/launcher.sh"),
    hook: join(dir, "bin/hook.sh"),
    companion,
    nodeCommand: join(dir, "bin/schedgate-node"),
    run: join(dir, "run"),
    kubeletState: join(dir, "cpu_manager_state"),
    runc: runc ?? findProgram("runc", process.env["PATH"]) ?? "runc",
    remove: () => {
      rmSync(dir, { recursive: true, force: true });
    },
  };
  configure(home);
  return home;
}

/** Writes launcher.conf, with `extra` lines at its end. */
export function configure(home: Omit<Home, "remove">, ...extra: readonly string[]): void {
  const lines = [
    `schedgate_run='${home.run}'`,
    `schedgate_runc='${home.runc}'`,
    `schedgate_kubelet_state='${home.kubeletState}'`,
    ...extra,
  ];
  writeFileSync(join(home.dir, "etc/launcher.conf"), `${lines.join("\n")}\n`);
}

/** The companion's environment when a test runs it itself. */
export function companionEnv(home: Home): NodeJS.ProcessEnv {
  return {
    ...process.env,
    SCHEDGATE_RUN_DIR: home.run,
    SCHEDGATE_KUBELET_STATE: home.kubeletState,
    SCHEDGATE_RUNC: home.runc,
  };
}

/** What the hooks.d files make of a bundle. */
export function hooksOf({ hook }: Pick<Home, "hook">): object {
  const stage = (name: string): object[] => [{ path: hook, args: ["hook.sh", name], timeout: 60 }];
  return { createRuntime: stage("createRuntime"), poststop: stage("poststop") };
}
