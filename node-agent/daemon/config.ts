import { join } from "node:path";
import { SchedgateError } from "../../common/errors.ts";
import { kubeAccess } from "../../common/kube/access.ts";
import type { KubeAccess } from "../../common/kube/access.ts";
import { healthPort } from "../host/health-port.ts";

/** Settings of the node agent's daemon. */
export interface DaemonConfig {
  nodeName: string;
  namespace: string;
  /** The DaemonSet that runs this process: gone or being deleted means that the node is to be left as it was. */
  daemonSet: string;
  runDir: string;
  cgroupRoot: string;
  /** The host's path of its list of static pods; launchers hand on what it says. */
  staticPods: string;
  /** Where the host's /usr/share and, for CRI-O, /etc are to be seen. */
  hooksRoot: string;
  healthPort: number;
  kube: KubeAccess;
  logLevel: string;
}

/** Reads them from the environment. @throws SchedgateError E_CONFIG that names the variable. */
export function daemonConfig(env: NodeJS.ProcessEnv = process.env): DaemonConfig {
  const of = (name: string, otherwise: string): string => env[name] ?? otherwise;
  const nodeName = of("NODE_NAME", "");
  if (nodeName === "") {
    throw new SchedgateError("E_CONFIG", "NODE_NAME is not set: it names the Node to report on");
  }
  return {
    nodeName,
    namespace: of("SCHEDGATE_NAMESPACE", "schedgate-system"),
    daemonSet: of("SCHEDGATE_DAEMONSET", "schedgate-node-agent"),
    runDir: of("SCHEDGATE_RUN_DIR", "/run/schedgate"),
    // Inside a pod the host's hierarchy is mounted apart from the pod's own /sys/fs/cgroup.
    cgroupRoot: join(of("SCHEDGATE_HOST_ROOT", "/"), of("SCHEDGATE_CGROUP_ROOT", "/sys/fs/cgroup")),
    staticPods: of("SCHEDGATE_STATIC_PODS", "/etc/schedgate/static-pods"),
    hooksRoot: of("SCHEDGATE_HOOKS_ROOT", "/"),
    healthPort: healthPort(of("SCHEDGATE_HEALTH_PORT", "8081")),
    kube: kubeAccess(env),
    logLevel: of("LOG_LEVEL", "info"),
  };
}
