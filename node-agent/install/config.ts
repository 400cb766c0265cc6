import { SchedgateError } from "../../common/errors.ts";
import { kubeAccess } from "../../common/kube/access.ts";
import type { KubeAccess } from "../../common/kube/access.ts";
import { healthPort } from "../host/health-port.ts";

const RUNTIMES = ["containerd", "crio"] as const;
const RESTARTS = ["systemd", "signal", "none"] as const;

/** Settings of the installer. Paths are the host's, without `hostRoot`. */
export interface InstallConfig {
  namespace: string;
  daemonSet: string;
  kube: KubeAccess;
  /** Where the host's `/` is mounted. */
  hostRoot: string;
  runtime: (typeof RUNTIMES)[number];
  /** containerd: its config.toml; CRI-O: its drop-in directory. */
  runtimeConfig: string;
  socket: string;
  /** How containerd is restarted; CRI-O re-reads its handlers on SIGHUP. */
  restart: (typeof RESTARTS)[number];
  hooksDir: string;
  /** The low-level runtime; undefined: the one of the default handler. */
  runc: string | undefined;
  runDir: string;
  cgroupRoot: string;
  kubeletState: string;
  staticPods: string;
  onFailure: string;
  /** Where the kubelet asks whether the handler is registered; undefined: nobody asks. */
  healthPort: number | undefined;
  logLevel: string;
}

/** Reads them from the environment. @throws SchedgateError E_CONFIG that names the variable. */
export function installConfig(env: NodeJS.ProcessEnv = process.env): InstallConfig {
  const of = (name: string, otherwise: string): string => env[name] ?? otherwise;
  const runtime = oneOf("SCHEDGATE_RUNTIME", RUNTIMES, of("SCHEDGATE_RUNTIME", "containerd"));
  const crio = runtime === "crio";
  return {
    namespace: of("SCHEDGATE_NAMESPACE", "schedgate-system"),
    daemonSet: of("SCHEDGATE_DAEMONSET", "schedgate-node-agent"),
    kube: kubeAccess(env),
    hostRoot: of("SCHEDGATE_HOST_ROOT", "/host"),
    runtime,
    runtimeConfig: of(
      "SCHEDGATE_RUNTIME_CONFIG",
      crio ? "/etc/crio/crio.conf.d" : "/etc/containerd/config.toml",
    ),
    socket: of("SCHEDGATE_RUNTIME_SOCKET", crio ? "/run/crio/crio.sock" : "/run/containerd/containerd.sock"),
    restart: oneOf("SCHEDGATE_RUNTIME_RESTART", RESTARTS, of("SCHEDGATE_RUNTIME_RESTART", "systemd")),
    hooksDir: of("SCHEDGATE_HOOKS_DIR", "/usr/share/containers/oci/hooks.d"),
    runc: of("SCHEDGATE_RUNC", "") || undefined,
    runDir: of("SCHEDGATE_RUN_DIR", "/run/schedgate"),
    cgroupRoot: of("SCHEDGATE_CGROUP_ROOT", "/sys/fs/cgroup"),
    kubeletState: of("SCHEDGATE_KUBELET_STATE", "/var/lib/kubelet/cpu_manager_state"),
    staticPods: of("SCHEDGATE_STATIC_PODS", "/etc/schedgate/static-pods"),
    onFailure: oneOf("ON_FAILURE", ["deny", "allow"] as const, of("ON_FAILURE", "deny").toLowerCase()),
    healthPort:
      env["SCHEDGATE_HEALTH_PORT"] === undefined ? undefined : healthPort(env["SCHEDGATE_HEALTH_PORT"]),
    logLevel: of("LOG_LEVEL", "info"),
  };
}

function oneOf<T extends string>(name: string, allowed: readonly T[], value: string): T {
  const found = allowed.find((one) => one === value);
  if (found !== undefined) return found;
  throw new SchedgateError("E_CONFIG", `${name} is "${value}", not one of ${allowed.join(", ")}`);
}
