/** A resource of the API: `group` is "" for the core one. */
export interface ResourceName {
  group: string;
  version: string;
  /** Plural, as in the path. */
  resource: string;
}

/** Which object, or which list where there is no name. */
export interface ObjectName {
  namespace?: string;
  name?: string;
  subresource?: string;
}

/** The path of an object or a list: `/apis/apps/v1/namespaces/a/daemonsets/b`. Each part is escaped. */
export function pathOf(resource: ResourceName, object: ObjectName = {}): string {
  const root = resource.group === "" ? ["api", resource.version] : ["apis", resource.group, resource.version];
  const namespace = object.namespace === undefined ? [] : ["namespaces", object.namespace];
  const rest = [resource.resource, object.name, object.subresource].filter((part) => part !== undefined);
  return `/${[...root, ...namespace, ...rest].map(encodeURIComponent).join("/")}`;
}

const ours = { group: "schedgate.dev", version: "v1alpha1" };
const registration = { group: "admissionregistration.k8s.io", version: "v1" };

/** The resources that the programs here read and write. */
export const resources = {
  hookProfiles: { ...ours, resource: "hookprofiles" },
  hookGrants: { ...ours, resource: "hookgrants" },
  nodeIsolations: { ...ours, resource: "nodeisolations" },
  nodes: { group: "", version: "v1", resource: "nodes" },
  pods: { group: "", version: "v1", resource: "pods" },
  leases: { group: "coordination.k8s.io", version: "v1", resource: "leases" },
  events: { group: "events.k8s.io", version: "v1", resource: "events" },
  policyReports: { group: "wgpolicyk8s.io", version: "v1alpha2", resource: "policyreports" },
  openReports: { group: "openreports.io", version: "v1alpha1", resource: "reports" },
  configMaps: { group: "", version: "v1", resource: "configmaps" },
  secrets: { group: "", version: "v1", resource: "secrets" },
  daemonSets: { group: "apps", version: "v1", resource: "daemonsets" },
  runtimeClasses: { group: "node.k8s.io", version: "v1", resource: "runtimeclasses" },
  mutatingWebhooks: { ...registration, resource: "mutatingwebhookconfigurations" },
  validatingWebhooks: { ...registration, resource: "validatingwebhookconfigurations" },
} as const satisfies Record<string, ResourceName>;
