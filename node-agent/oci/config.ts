import type { OnFailure } from "./isolate.ts";

/** Settings of the companion; launcher.sh and hook.sh pass them on from launcher.conf. */
export interface CompanionConfig {
  runDir: string;
  cgroupRoot: string;
  kubeletState: string;
  /** The node's own list of static pods that may have isolation. */
  staticPods: string;
  /** The low-level runtime, for `state` where no pid file was given. */
  runc: string;
  onFailure: OnFailure;
  /** Whether the launcher's notes stand for what only the host shows: for the daemon, which does not see it. */
  byNotes: boolean;
}

/** Reads them from the environment. */
export function companionConfig(env: NodeJS.ProcessEnv = process.env): CompanionConfig {
  return {
    runDir: env["SCHEDGATE_RUN_DIR"] ?? "/run/schedgate",
    cgroupRoot: env["SCHEDGATE_CGROUP_ROOT"] ?? "/sys/fs/cgroup",
    kubeletState: env["SCHEDGATE_KUBELET_STATE"] ?? "/var/lib/kubelet/cpu_manager_state",
    staticPods: env["SCHEDGATE_STATIC_PODS"] ?? "/etc/schedgate/static-pods",
    runc: env["SCHEDGATE_RUNC"] ?? "runc",
    // Anything but a clear "allow" denies.
    onFailure: env["ON_FAILURE"]?.toLowerCase() === "allow" ? "allow" : "deny",
    byNotes: false,
  };
}
