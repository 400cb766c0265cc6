/** Which API server, and as whom: by a kubeconfig file, or as the pod that this process runs in. */
export type KubeAccess = { kubeconfig: string } | { inCluster: ServiceAddress };

/** The API server's address, as the kubelet tells it to every container. */
export interface ServiceAddress {
  host?: string | undefined;
  port?: string | undefined;
}

/** What a program's environment says: the file that KUBECONFIG names, else the cluster this process runs in. */
export function kubeAccess(env: NodeJS.ProcessEnv): KubeAccess {
  const { KUBECONFIG = "", KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env;
  return KUBECONFIG === "" ? { inCluster: { host, port } } : { kubeconfig: KUBECONFIG };
}
