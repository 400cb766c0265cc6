import type { AltName } from "../../certs/x509.ts";

/** Under which names the API server calls: the Service's, and the host of the URL where there is one. */
export function servingNames(service: string, namespace: string, url: string | undefined): AltName[] {
  const inCluster = [service, `${service}.${namespace}`, `${service}.${namespace}.svc`];
  const names: AltName[] = [...inCluster, `${service}.${namespace}.svc.cluster.local`].map((dns) => ({
    dns,
  }));
  if (url === undefined) return names;
  const { hostname } = new URL(url);
  return [...names, /^[\d.]+$/.test(hostname) ? { ip: hostname } : { dns: hostname }];
}
