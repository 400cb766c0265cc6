import { SchedgateError } from "../../common/errors.ts";
import { kubeAccess } from "../../common/kube/access.ts";
import type { KubeAccess } from "../../common/kube/access.ts";
import { healthPort } from "../host/health-port.ts";
import { nodeHostFs } from "../host/host-fs.ts";
import { HOOK_SECONDS } from "./names.ts";
import { type RuntimeName, SOCKETS, presentRuntime } from "./present-runtime.ts";

const RUNTIMES = Object.keys(SOCKETS) as RuntimeName[];
const RESTARTS = ["systemd", "signal", "none"] as const;

/** Settings of the installer. Paths are the host's, without `hostRoot`. */
export interface InstallConfig {
  namespace: string;
  daemonSet: string;
  kube: KubeAccess;
  /** Where the host's `/` is mounted. */
  hostRoot: string;
  runtime: RuntimeName;
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
  /** How long a companion may take. */
  companionSeconds: number;
  /** Where the kubelet asks whether the handler is registered; undefined: nobody asks. */
  healthPort: number | undefined;
  logLevel: string;
}

/**
 * Reads them from the environment.
 * @param exists whether the host has a file, where the environment does not name the runtime.
 * @throws SchedgateError E_CONFIG that names the variable.
 */
export function installConfig(
  env: NodeJS.ProcessEnv = process.env,
  exists = (root: string, path: string): boolean => nodeHostFs(root).exists(path),
): InstallConfig {
  const of = (name: string, otherwise: string): string => env[name] ?? otherwise;
  const hostRoot = of("SCHEDGATE_HOST_ROOT", "/host");
  const { SCHEDGATE_RUNTIME: said, SCHEDGATE_RUNTIME_SOCKET: socket } = env;
  const runtime =
    said === undefined
      ? presentRuntime(socket, (path) => exists(hostRoot, path))
      : oneOf("SCHEDGATE_RUNTIME", RUNTIMES, said);
  const crio = runtime === "crio";
  return {
    namespace: of("SCHEDGATE_NAMESPACE", "schedgate-system"),
    daemonSet: of("SCHEDGATE_DAEMONSET", "schedgate-node-agent"),
    kube: kubeAccess(env),
    hostRoot,
    runtime,
    runtimeConfig: of(
      "SCHEDGATE_RUNTIME_CONFIG",
      crio ? "/etc/crio/crio.conf.d" : "/etc/containerd/config.toml",
    ),
    socket: socket ?? SOCKETS[runtime],
    restart: oneOf("SCHEDGATE_RUNTIME_RESTART", RESTARTS, of("SCHEDGATE_RUNTIME_RESTART", "systemd")),
    hooksDir: of("SCHEDGATE_HOOKS_DIR", "/usr/share/containers/oci/hooks.d"),
    runc: of("SCHEDGATE_RUNC", "") || undefined,
    runDir: of("SCHEDGATE_RUN_DIR", "/run/schedgate"),
    cgroupRoot: of("SCHEDGATE_CGROUP_ROOT", "/sys/fs/cgroup"),
    kubeletState: of("SCHEDGATE_KUBELET_STATE", "/var/lib/kubelet/cpu_manager_state"),
    staticPods: of("SCHEDGATE_STATIC_PODS", "/etc/schedgate/static-pods"),
    onFailure: oneOf("ON_FAILURE", ["deny", "allow"] as const, of("ON_FAILURE", "deny").toLowerCase()),
    companionSeconds: seconds("SCHEDGATE_COMPANION_SECONDS", of("SCHEDGATE_COMPANION_SECONDS", "60")),
    healthPort:
      env["SCHEDGATE_HEALTH_PORT"] === undefined ? undefined : healthPort(env["SCHEDGATE_HEALTH_PORT"]),
    logLevel: of("LOG_LEVEL", "info"),
  };
}

function seconds(name: string, value: string): number {
  // A hook waits for the daemon first, for 10 s.
  const [least, most] = [1, HOOK_SECONDS - 20];
  if (/^\d{1,3}$/.test(value) && Number(value) >= least && Number(value) <= most) return Number(value);
  throw new SchedgateError(
    "E_CONFIG",
    `${name} is "${value}", not a number of seconds from ${least} to ${most}`,
  );
}

function oneOf<T extends string>(name: string, allowed: readonly T[], value: string): T {
  const found = allowed.find((one) => one === value);
  if (found !== undefined) return found;
  throw new SchedgateError("E_CONFIG", `${name} is "${value}", not one of ${allowed.join(", ")}`);
}
