import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { exec, must } from "../exec.ts";
import { waitFor } from "../wait.ts";
import type { HostRuntime, RuntimeContext } from "./runtime.ts";
import { RUNTIME_PROCESS } from "./runtime.ts";
import { CNI_PLUGIN_DIRECTORIES } from "./cni.ts";
import { findProgram } from "../prerequisites.ts";

/** containerd as Debian has it. It has own settings for what a weak machine refuses, so plain runc does. */
export const containerd: HostRuntime = {
  requirements: [
    { program: "containerd", package: "containerd" },
    { program: "ctr", package: "containerd" },
  ],
  prepare: () => Promise.resolve(),
  lowLevelRuntime: ({ machine }) => machine.runc,
  start: async (context, { processes, options }) => {
    const { layout } = context;
    await mkdir(layout.runtimeData, { recursive: true });
    await writeFile(layout.runtimeConfig, containerdConfiguration(context));
    const args = ["--config", layout.runtimeConfig];
    await processes.start({ name: RUNTIME_PROCESS, command: "containerd", args, supervised: true });
    await waitFor({ what: "answer of containerd", timeoutMs: 30_000, signal: options.signal }, async () =>
      (await exec("ctr", ["--address", layout.socket, "version"])).code === 0 ? true : undefined,
    );
  },
  loadImage: async ({ layout }, ociArchive, name) => {
    // Through skopeo, which gives the image exactly this name whatever the archive calls it.
    const named = join(layout.runtimeData, "load.tar");
    await rm(named, { force: true });
    await must("skopeo", [
      ...["--insecure-policy", "copy", "--quiet"],
      ...[`oci-archive:${ociArchive}`, `docker-archive:${named}:${name}`],
    ]);
    await must("ctr", ["--address", layout.socket, "--namespace", "k8s.io", "images", "import", named]);
    await rm(named);
  },
};

/** Version 2: read by containerd 1.3 and newer; no handler but the default one. */
export function containerdConfiguration({ layout, machine }: RuntimeContext): string {
  const data = (name: string): string => JSON.stringify(join(layout.runtimeData, name));
  const cri = '[plugins."io.containerd.grpc.v1.cri"';
  const plugins = CNI_PLUGIN_DIRECTORIES.find(
    (directory) => findProgram(join(directory, "ptp"), "") !== undefined,
  );
  return `version = 2
root = ${data("root")}
state = ${data("state")}

[grpc]
  address = ${JSON.stringify(layout.socket)}

[plugins."io.containerd.internal.v1.opt"]
  path = ${data("opt")}

${cri}]
  sandbox_image = "localhost/pause:1"
  netns_mounts_under_state_dir = true
  disable_apparmor = true
  disable_hugetlb_controller = ${String(!machine.hugetlb)}
  tolerate_missing_hugetlb_controller = true
  restrict_oom_score_adj = ${String(!machine.lowersOomScore)}

  ${cri}.cni]
    bin_dir = ${JSON.stringify(plugins ?? CNI_PLUGIN_DIRECTORIES[0])}
    conf_dir = ${JSON.stringify(layout.cniConf)}

  ${cri}.containerd]
    snapshotter = "${machine.overlay ? "overlayfs" : "native"}"
    default_runtime_name = "runc"

    ${cri}.containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      ${cri}.containerd.runtimes.runc.options]
        BinaryName = ${JSON.stringify(machine.runc)}
        Root = ${data("runc")}
        SystemdCgroup = false
`;
}
