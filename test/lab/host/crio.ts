import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SchedgateError } from "../../../common/errors.ts";
import { buildCrio, CRIO_BUILD_REQUIREMENTS, type CrioBinaries } from "../crio/build.ts";
import { buildCrictl } from "../crictl.ts";
import { must } from "../exec.ts";
import { findProgram } from "../prerequisites.ts";
import { CNI_PLUGIN_DIRECTORIES } from "./cni.ts";
import { installLowLevelRuntime, needsLowLevelRuntime } from "./low-level-runtime.ts";
import { shareRoot } from "./propagation.ts";
import { RUNTIME_PROCESS, type HostRuntime, type RuntimeContext } from "./runtime.ts";
import { waitFor } from "../wait.ts";
import { acceptsConnections } from "./socket.ts";

/** CRI-O from its Go module. */
export const crio: HostRuntime = {
  requirements: [...CRIO_BUILD_REQUIREMENTS, { program: "conmon", package: "conmon" }],
  prepare: async ({ cache, options }) => {
    await buildCrio(cache, options.log);
    await buildCrictl(cache, options.log);
  },
  lowLevelRuntime: ({ layout, machine }) =>
    needsLowLevelRuntime(machine) ? layout.lowLevelRuntime : machine.runc,
  start: async (context, { cache, processes, options }) => {
    const { layout, machine } = context;
    const binaries = await buildCrio(cache, options.log);
    await mkdir(layout.runtimeConfig, { recursive: true });
    await symlink(await buildCrictl(cache, options.log), layout.crictl);
    await shareRoot();
    await installLowLevelRuntime(layout, machine);
    await writeFile(policy(context), JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] }));
    const main = join(layout.runtimeData, "crio.conf");
    await writeFile(main, crioConfiguration(context, { ...binaries, conmon: conmonPath() }));
    const args = ["--config", main, "--config-dir", layout.runtimeConfig];
    await processes.start({ name: RUNTIME_PROCESS, command: binaries.crio, args, supervised: true });
    await waitFor({ what: "answer of CRI-O", timeoutMs: 30_000, signal: options.signal }, async () =>
      (await acceptsConnections(layout.socket)) ? true : undefined,
    );
  },
  loadImage: async (context, ociArchive, name) => {
    const { root, run } = storage(context);
    const target = `containers-storage:[${DRIVER}@${root}+${run}]${name}`;
    await must("skopeo", ["--insecure-policy", "copy", "--quiet", `oci-archive:${ociArchive}`, target]);
  },
};

/** A full copy for each layer: slower than overlayfs, but it works on any file system and for any skopeo. */
const DRIVER = "vfs";

function storage({ layout }: RuntimeContext): { root: string; run: string } {
  return { root: join(layout.runtimeData, "storage"), run: join(layout.runtimeData, "storage-run") };
}

function policy({ layout }: RuntimeContext): string {
  return join(layout.runtimeData, "policy.json");
}

interface Helpers extends CrioBinaries {
  conmon: string;
}

function conmonPath(): string {
  const conmon = findProgram("conmon", process.env["PATH"]);
  if (conmon === undefined) throw new SchedgateError("E_MISSING", "conmon is not in PATH (Debian: conmon)");
  return conmon;
}

/** CRI-O's configuration; the drop-in directory stays empty for the product's installer. */
export function crioConfiguration(context: RuntimeContext, { pinns, conmon }: Helpers): string {
  const { layout } = context;
  const data = (name: string): string => JSON.stringify(join(layout.runtimeData, name));
  const { root, run } = storage(context);
  return `[crio]
root = ${JSON.stringify(root)}
runroot = ${JSON.stringify(run)}
storage_driver = "${DRIVER}"
log_dir = ${JSON.stringify(layout.podLogs)}
version_file = ${data("version")}
version_file_persist = ${data("version-persist")}
clean_shutdown_file = ${data("clean.shutdown")}

[crio.api]
listen = ${JSON.stringify(layout.socket)}

[crio.runtime]
default_runtime = "runc"
cgroup_manager = "cgroupfs"
conmon_cgroup = "pod"
drop_infra_ctr = false
pinns_path = ${JSON.stringify(pinns)}
hooks_dir = [${JSON.stringify(layout.hooks)}]
namespaces_dir = ${data("namespaces")}
container_exits_dir = ${data("exits")}
container_attach_socket_dir = ${data("attach")}
apparmor_profile = "unconfined"
irqbalance_config_restore_file = "disable"

[crio.runtime.runtimes.runc]
runtime_path = ${JSON.stringify(crio.lowLevelRuntime(context))}
runtime_root = ${data("runc")}
monitor_path = ${JSON.stringify(conmon)}

[crio.image]
pause_image = "localhost/pause:1"
pause_command = ""
signature_policy = ${JSON.stringify(policy(context))}
signature_policy_dir = ${data("policies")}

[crio.network]
network_dir = ${JSON.stringify(layout.cniConf)}
plugin_dirs = ${JSON.stringify(CNI_PLUGIN_DIRECTORIES)}

[crio.nri]
nri_listen = ${data("nri.sock")}
nri_plugin_dir = ${data("nri-plugins")}
nri_plugin_config_dir = ${data("nri-conf")}
`;
}
