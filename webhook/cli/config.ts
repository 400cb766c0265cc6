import { delimiter, join } from "node:path";
import type { ServiceAddress } from "../../common/kube/access.ts";

/** What the program reads of its environment. */
export interface CliConfig {
  /** Where kubeconfigs may be, best first; those that do not exist are passed over. */
  kubeconfigs: readonly string[];
  /** The API server, where this is a pod. */
  inCluster: ServiceAddress;
}

/** Reads the environment as kubectl does: KUBECONFIG names files, else the one in the home directory. */
export function readCliConfig(environment: NodeJS.ProcessEnv = process.env): CliConfig {
  const named = (environment["KUBECONFIG"] ?? "").split(delimiter).filter((each) => each !== "");
  const home = environment["HOME"] ?? "";
  const own = home === "" ? [] : [join(home, ".kube", "config")];
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = environment;
  return { kubeconfigs: named.length > 0 ? named : own, inCluster: { host, port } };
}
