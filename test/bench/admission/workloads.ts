import { ASK, pod } from "../../apiserver/objects.ts";
import type { Json } from "../../apiserver/cluster.ts";

/** The namespace that has a grant, and one that has none. */
export const GRANTED = "bench-granted";
export const UNGRANTED = "bench-ungranted";

/** The RuntimeClass that is protected; the manifests bring it. */
export const CLASS = "wrapper";

export const WORKLOADS = ["ordinary", "protected", "asking"] as const;
export type Workload = (typeof WORKLOADS)[number];

/** A pod as a Deployment's would be: labels, a port, a probe, an environment, two whole CPUs. */
export function podOf(workload: Workload): Json {
  const plain = pod({
    labels: { app: "engine", "app.kubernetes.io/part-of": "trading", "pod-template-hash": "7c5d9f" },
    ...(workload === "protected" && { runtimeClassName: CLASS }),
    ...(workload === "asking" && { annotations: { [ASK]: "enabled" } }),
  });
  const { spec } = plain as { spec: { containers: Json[] } };
  const container = {
    ports: [{ name: "http", containerPort: 8080 }],
    env: Array.from({ length: 6 }, (_, n) => ({ name: `SETTING_${n}`, value: "a value of usual length" })),
    readinessProbe: { httpGet: { path: "/ready", port: "http" }, periodSeconds: 5 },
  };
  return {
    apiVersion: "v1",
    kind: "Pod",
    ...plain,
    metadata: { ...(plain["metadata"] as Json), name: undefined, generateName: "engine-" },
    // No scheduler looks after it, and no node is there to run it.
    spec: {
      ...spec,
      schedulerName: "none",
      containers: spec.containers.map((each) => ({ ...each, ...container })),
    },
  };
}

/** Where pods of a namespace are created; `dry` goes through admission and validation but writes nothing. */
export function podsPath(namespace: string, dry = true): string {
  return `/api/v1/namespaces/${namespace}/pods${dry ? "?dryRun=All" : ""}`;
}
