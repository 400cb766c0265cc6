import type { InstallConfig } from "./config.ts";

/** launcher.conf: assignments for a POSIX shell. */
export function launcherConf(config: InstallConfig, runc: string, libraries: string): string {
  const values = {
    run: config.runDir,
    runc,
    on_failure: config.onFailure,
    cgroup_root: config.cgroupRoot,
    kubelet_state: config.kubeletState,
    static_pods: config.staticPods,
    companion_seconds: String(config.companionSeconds),
    libraries,
  };
  const lines = Object.entries(values).map(([name, value]) => `schedgate_${name}=${quoted(value)}\n`);
  return `# Written by schedgate's installer.\n${lines.join("")}`;
}

// Nothing is special between single quotes; one inside is closed, escaped, and opened again.
function quoted(value: string): string {
  return `'${value.replaceAll("'", String.raw`'\''`)}'`;
}
