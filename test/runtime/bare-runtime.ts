import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { buildCrictl } from "../lab/crictl.ts";
import { cacheRoot, openCache } from "../lab/cache.ts";
import { type Output, exec, must } from "../lab/exec.ts";
import { hostDriver } from "../lab/host/driver.ts";
import { type HostLayout, hostLayout } from "../lab/host/layout.ts";
import { removeCgroup } from "../lab/host/cgroups.ts";
import { killNodeProcesses } from "../lab/host/leftover.ts";
import { type Machine, inspectMachine } from "../lab/host/machine.ts";
import { unmountBelow } from "../lab/host/mounts.ts";
import { RUNTIME_PROCESS } from "../lab/host/runtime.ts";
import { type Processes, openProcesses } from "../lab/processes.ts";
import { ensurePrograms } from "../lab/prerequisites.ts";
import type { Runtime } from "../lab/types.ts";
import { waitFor } from "../lab/wait.ts";
import { PARENT } from "./container.ts";
import { lastCpu } from "./kernel.ts";

const repo = join(import.meta.dirname, "../..");

const CGROUPS = "/sys/fs/cgroup";

/** What the tests build lies here. */
export const cache = openCache(cacheRoot(process.env), () => undefined);

/** A container runtime without a kubelet, and schedgate's installer for it. */
export interface BareRuntime {
  dir: string;
  layout: HostLayout;
  machine: Machine;
  processes: Processes;
  /** Starts it under a supervisor and waits until its CRI answers. */
  start(command: string, args: readonly string[], path?: string): Promise<void>;
  crictl(...args: string[]): Promise<Output>;
  /** Runs the installer by hand. Returns its log. @throws with it where it fails. */
  installer(command: "install" | "uninstall"): Promise<string>;
  /** Environment and command line of the installer. */
  installerEnv: NodeJS.ProcessEnv;
  installerFile: string;
  /**
   * A pod of one container on the last CPU, through a handler. Returns both ids.
   * @param recorded CPUs in the kubelet's record. @throws with what crictl says.
   */
  runPod(handler: string, annotations: Readonly<Record<string, string>>, recorded?: string): Promise<PodIds>;
  removePod(ids: PodIds): Promise<void>;
  close(): Promise<void>;
}

interface PodIds {
  pod: string;
  container: string;
}

/** Prepares one; nothing runs yet. The installer writes to /opt/schedgate, so only one at a time. */
export async function bareRuntime(runtime: Runtime): Promise<BareRuntime> {
  if (existsSync("/opt/schedgate")) throw new Error("/opt/schedgate is there already: whose is it?");
  await ensurePrograms(hostDriver.requirements({ runtime }), () => undefined);
  const dir = mkdtempSync(join(tmpdir(), "schedgate-bare-"));
  const layout = hostLayout(dir, runtime);
  for (const one of [layout.runtimeData, layout.hooks, layout.cniConf, layout.podLogs])
    mkdirSync(one, { recursive: true });
  const crictlPath = await buildCrictl(cache, () => undefined);
  const processes = openProcesses(dir);
  const app = await image(join(dir, "app"));
  const kubeletState = join(dir, "cpu_manager_state");
  const installerEnv = {
    ...process.env,
    SCHEDGATE_RUNTIME: runtime,
    SCHEDGATE_HOST_ROOT: "/",
    SCHEDGATE_RUNTIME_CONFIG: layout.runtimeConfig,
    SCHEDGATE_RUNTIME_SOCKET: layout.socket,
    SCHEDGATE_RUNTIME_RESTART: "signal",
    SCHEDGATE_HOOKS_DIR: layout.hooks,
    SCHEDGATE_RUN_DIR: join(dir, "run"),
    SCHEDGATE_KUBELET_STATE: kubeletState,
  };
  const crictl = (...args: string[]): Promise<Output> => {
    const socket = `unix://${layout.socket}`;
    return exec(crictlPath, ["-r", socket, "-i", socket, "-t", "20s", ...args], { timeoutMs: 60_000 });
  };
  const said = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await crictl(...args);
    if (code !== 0) throw new Error(`crictl ${args.join(" ")}: ${stderr}`);
    return stdout.trim();
  };
  let pods = 0;
  const specOf = (name: string, spec: object): string => {
    const path = join(dir, `${name}.json`);
    writeFileSync(path, JSON.stringify(spec));
    return path;
  };
  return {
    dir,
    layout,
    machine: await inspectMachine(),
    processes,
    crictl,
    installerEnv,
    installerFile: join(app, "install.mjs"),
    start: async (command, args, path = "") => {
      const env = { PATH: `${path}:${process.env["PATH"] ?? ""}` };
      await processes.start({ name: RUNTIME_PROCESS, command, args, env, supervised: true });
      await waitFor({ what: "answer of the runtime's CRI", timeoutMs: 60_000 }, async () =>
        (await crictl("version")).code === 0 ? true : undefined,
      );
    },
    installer: async (command) => {
      const { code, stdout, stderr } = await exec(process.execPath, [join(app, "install.mjs"), command], {
        env: installerEnv,
        timeoutMs: 180_000,
      });
      if (code !== 0) throw new Error(`the installer failed: ${stdout}${stderr}`);
      return stdout;
    },
    runPod: async (handler, annotations, recorded = lastCpu) => {
      pods += 1;
      const uid = `5c4ed6a7-1111-4000-8000-${String(pods).padStart(12, "0")}`;
      const entries = { [uid]: { main: recorded } };
      writeFileSync(kubeletState, JSON.stringify({ policyName: "static", defaultCpuSet: "0", entries }));
      // CRI-O tells them from the kubelet's labels.
      const labels = {
        "io.kubernetes.pod.name": `pod${pods}`,
        "io.kubernetes.pod.namespace": "team",
        "io.kubernetes.pod.uid": uid,
      };
      const sandbox = specOf("pod", {
        metadata: { name: `pod${pods}`, namespace: "team", uid, attempt: 0 },
        labels,
        log_directory: layout.podLogs,
        annotations,
        linux: {
          cgroup_parent: `/${PARENT}/pod${uid}`,
          security_context: { namespace_options: { network: 2 } },
        },
      });
      const main = specOf("container", {
        metadata: { name: "main", attempt: 0 },
        labels: { ...labels, "io.kubernetes.container.name": "main" },
        image: { image: "localhost/busybox:1" },
        command: ["sleep", "1000"],
        log_path: "main.log",
        linux: { resources: { cpu_shares: 1024, cpuset_cpus: lastCpu } },
      });
      const pod = await said("runp", "--runtime", handler, sandbox);
      const container = await said("create", pod, main, sandbox);
      await said("start", container);
      return { pod, container };
    },
    removePod: async ({ pod }) => {
      await said("rmp", "--force", pod);
    },
    close: async () => {
      await processes.endAll();
      await killNodeProcesses(dir);
      const hierarchies = ["", ...readdirSync(CGROUPS)].map((name) => join(CGROUPS, name, PARENT));
      for (const top of hierarchies.filter((path) => existsSync(path))) await removeCgroup(top);
      await unmountBelow(dir);
      rmSync("/opt/schedgate", { recursive: true, force: true }); // of a test that failed
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

// As tools/build.ts lays it out in the image.
async function image(out: string): Promise<string> {
  await build({
    entryPoints: [
      { in: join(repo, "node-agent/install/main.ts"), out: "install" },
      { in: join(repo, "node-agent/oci/main.ts"), out: "companion" },
      { in: join(repo, "node-agent/cli/main.ts"), out: "node" },
    ],
    outdir: out,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node24",
    banner: {
      js: 'import { createRequire as schedgateCreateRequire } from "node:module"; const require = schedgateCreateRequire(import.meta.url);',
    },
    logLevel: "warning",
  });
  for (const folder of ["oci", "cli"])
    for (const name of readdirSync(join(repo, "node-agent", folder)).filter((one) => one.endsWith(".sh")))
      copyFileSync(join(repo, "node-agent", folder, name), join(out, name));
  return out;
}

/** Every file of a directory tree with its content, for a comparison byte for byte. */
export async function contents(dir: string): Promise<Map<string, string>> {
  const found = await must("find", [dir, "-type", "f", "-size", "-1000k"]);
  const paths = found.split("\n").filter((path) => path !== "");
  return new Map(paths.sort().map((path) => [path, readFileSync(path, "latin1")]));
}
