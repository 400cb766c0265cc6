import type { Json } from "./cluster.ts";

const API_VERSION = "schedgate.dev/v1alpha1";
export const ASK = "schedgate.dev/cpu-isolation";
export const GRANT = "schedgate.dev/grant";

export interface PodOptions {
  name?: string;
  annotations?: Record<string, string>;
  serviceAccountName?: string;
  runtimeClassName?: string;
  schedulerName?: string;
  /** CPU and memory, request and limit, of each container; default one with two whole CPUs. */
  containers?: Record<string, { cpu: string; memory: string }>;
  labels?: Record<string, string>;
  finalizers?: string[];
}

/** So many annotations that mean nothing. */
export function numbered(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${String(i)}`, ""]));
}

/** A Guaranteed pod with whole CPUs, if nothing else is said. No node runs it. */
export function pod(options: PodOptions = {}): Json {
  const { name = "engine-0", annotations, labels, finalizers, containers, ...spec } = options;
  const each = containers ?? { main: { cpu: "2", memory: "64Mi" } };
  return {
    metadata: {
      name,
      ...(annotations && { annotations }),
      ...(labels && { labels }),
      ...(finalizers && { finalizers }),
    },
    spec: {
      ...spec,
      containers: Object.entries(each).map(([container, limits]) => ({
        name: container,
        image: "registry.example/none",
        resources: { limits },
      })),
    },
  };
}

/** What the kubelet of this node would make of a static pod: its mirror. */
export function mirrorOf(body: Json, node: { name: string; uid: string }): Json {
  const { annotations, ...metadata } = body["metadata"] as Json & { annotations?: object };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      ...metadata,
      annotations: { ...annotations, "kubernetes.io/config.mirror": "x" },
      ownerReferences: [{ apiVersion: "v1", kind: "Node", ...node, controller: true }],
    },
    spec: { ...specOf(body), nodeName: node.name },
  };
}

/** How kubectl is told to be this node. */
export function asNode(name: string): string[] {
  return [`--as=system:node:${name}`, "--as-group=system:nodes", "--as-group=system:authenticated"];
}

/** A HookGrant for one namespace. */
export function grant(name: string, namespace: string, spec: Json = {}): Json {
  return {
    apiVersion: API_VERSION,
    kind: "HookGrant",
    metadata: { name },
    spec: { profileName: "cpu-isolation", subjects: [{ namespace }], ...spec },
  };
}

/** A HookProfile. */
export function profile(name: string, spec: Json): Json {
  return { apiVersion: API_VERSION, kind: "HookProfile", metadata: { name }, spec };
}

/** The annotations of an object. */
export function annotationsOf(object: Json): Record<string, string> {
  return (object["metadata"] as { annotations?: Record<string, string> }).annotations ?? {};
}

/** A field of an object's spec. */
export function specOf(object: Json): Json {
  return object["spec"] as Json;
}

/** The condition of this type, undefined where there is none yet. */
export function conditionOf(
  object: Json,
  type: string,
): { status: string; reason: string; message: string } | undefined {
  const { conditions = [] } = (object["status"] ?? {}) as {
    conditions?: { type: string; status: string; reason: string; message: string }[];
  };
  return conditions.find((each) => each.type === type);
}
