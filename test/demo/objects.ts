/** The developer's namespace of the demo. */
export const namespace = "trading";

const image = "localhost/busybox:1";

/** A pod template with one container that has `cpus` whole CPUs of its own, and nothing else. */
export function pinnedPodSpec(cpus: number, extra: object = {}): object {
  const resources = { cpu: String(cpus), memory: "64Mi" };
  return {
    serviceAccountName: "engine",
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 1,
    containers: [
      {
        name: "engine",
        image,
        command: ["sh", "-c", "trap 'exit 0' TERM; sleep infinity & wait"],
        resources: { requests: resources, limits: resources },
      },
    ],
    ...extra,
  };
}

/** A pod of the developer; `asks` adds the one annotation. */
export function pod(name: string, spec: object, asks = false): object {
  const annotations = asks ? { "schedgate.dev/cpu-isolation": "enabled" } : {};
  return { apiVersion: "v1", kind: "Pod", metadata: { name, namespace, annotations }, spec };
}

/** The developer's Deployment, asking by the one annotation. */
export function deployment(cpus: number): object {
  const labels = { app: "engine" };
  const annotations = { "schedgate.dev/cpu-isolation": "enabled" };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "engine", namespace },
    spec: {
      replicas: 1,
      strategy: { type: "Recreate" }, // pinned CPUs are scarce: the old pod goes before the new one comes
      selector: { matchLabels: labels },
      template: { metadata: { labels, annotations }, spec: pinnedPodSpec(cpus) },
    },
  };
}

/** The admin's grant: this namespace's service account may use CPU isolation. */
export const grant = {
  apiVersion: "schedgate.dev/v1alpha1",
  kind: "HookGrant",
  metadata: { name: "trading" },
  spec: { profileName: "cpu-isolation", subjects: [{ namespace, serviceAccounts: ["engine"] }] },
};

/** A RuntimeClass with another name and the protected handler. */
export const aliasClass = {
  apiVersion: "node.k8s.io/v1",
  kind: "RuntimeClass",
  metadata: { name: "harmless" },
  handler: "wrapper",
};

/** The name of the pod that asks for nothing. */
export const ordinaryPod = "web";

/** A small pod that shares the other CPUs and asks for nothing. */
export const ordinaryPodSpec = {
  automountServiceAccountToken: false,
  terminationGracePeriodSeconds: 1,
  containers: [{ name: "web", image, command: ["sh", "-c", "trap 'exit 0' TERM; sleep infinity & wait"] }],
};
