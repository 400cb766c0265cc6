import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as z from "zod";
import { parse, parseAllDocuments } from "yaml";
import { freePorts } from "../lab/ports.ts";
import { prometheusProgram } from "../lab/prometheus.ts";

const manifests = join(import.meta.dirname, "../../manifests/monitoring");

/** A Prometheus that scrapes a cluster as the Prometheus Operator would have it do by our PodMonitors, with our alerts. */
export interface Prometheus {
  /** What it scrapes, and how that went last. */
  targets(): Promise<{ job: string; up: boolean; error: string }[]>;
  /** How many series an expression gives. @throws where it is none. */
  query(expression: string): Promise<number>;
  /** The alerts whose expressions could not be evaluated; undefined before all were. */
  brokenAlerts(): Promise<string[] | undefined>;
  stop(): Promise<void>;
}

/** Starts it for these pods: Debian's has no eyes for Kubernetes. @throws with its log where it ends at once. */
export async function startPrometheus(pods: readonly Pod[]): Promise<Prometheus> {
  const [port = 0] = await freePorts(1);
  const directory = await mkdtemp(join(tmpdir(), "schedgate-prometheus-"));
  const { spec } = parse(await readFile(join(manifests, "alerts.yaml"), "utf8")) as { spec: object };
  await writeFile(join(directory, "rules.yaml"), JSON.stringify(spec));
  await writeFile(join(directory, "prometheus.yaml"), JSON.stringify(await configuration(pods)));
  const log = openSync(join(directory, "log"), "w");
  const child = spawn(
    await prometheusProgram("prometheus"),
    [
      `--config.file=${join(directory, "prometheus.yaml")}`,
      `--storage.tsdb.path=${join(directory, "data")}`,
      `--web.listen-address=127.0.0.1:${String(port)}`,
    ],
    { stdio: ["ignore", log, log], cwd: directory },
  );
  closeSync(log);
  const ask = async <T>(path: string, schema: z.ZodType<T>): Promise<T> => {
    if (child.exitCode !== null) throw new Error(await readFile(join(directory, "log"), "utf8"));
    const answer = await fetch(`http://127.0.0.1:${String(port)}/api/v1/${path}`);
    const body: unknown = await answer.json();
    if (!answer.ok) throw new Error(`Prometheus, ${path}: ${JSON.stringify(body)}`);
    return schema.parse(body);
  };
  return {
    targets: async () => {
      const { data } = await ask("targets?state=active", targetsSchema);
      return data.activeTargets.map((each) => ({
        job: each.labels["job"] ?? "",
        up: each.health === "up",
        error: each.lastError,
      }));
    },
    query: async (expression) => {
      const { data } = await ask(`query?query=${encodeURIComponent(expression)}`, querySchema);
      return data.result.length;
    },
    brokenAlerts: async () => {
      const { data } = await ask("rules?type=alert", rulesSchema);
      const rules = data.groups.flatMap((each) => each.rules);
      if (rules.length === 0 || rules.some(({ health }) => health === "unknown")) return undefined;
      return rules
        .filter(({ health }) => health !== "ok")
        .map((each) => `${each.name}: ${each.lastError ?? ""}`);
    },
    stop: async () => {
      const ended = child.exitCode === null ? once(child, "exit") : undefined;
      child.kill("SIGKILL");
      await ended;
      await rm(directory, { recursive: true });
    },
  };
}

const targetsSchema = z.object({
  data: z.object({
    activeTargets: z.array(
      z.object({ labels: z.record(z.string(), z.string()), health: z.string(), lastError: z.string() }),
    ),
  }),
});
const querySchema = z.object({ data: z.object({ result: z.array(z.unknown()) }) });
const rulesSchema = z.object({
  data: z.object({
    groups: z.array(
      z.object({
        rules: z.array(z.object({ name: z.string(), health: z.string(), lastError: z.string().optional() })),
      }),
    ),
  }),
});

interface Container {
  name: string;
  ports?: { name: string; containerPort: number }[];
}

/** What is read of a pod. */
export interface Pod {
  metadata: { name: string; namespace: string; labels: Record<string, string> };
  spec: { nodeName: string; containers: Container[]; initContainers?: Container[] };
  status: { podIP: string };
}

interface PodMonitor {
  metadata: { name: string };
  spec: {
    selector: { matchLabels: Record<string, string> };
    podMetricsEndpoints: {
      port: string;
      relabelings?: { sourceLabels: string[]; targetLabel: string }[];
    }[];
  };
}

/** As the Operator generates it from PodMonitors (prometheus-operator, pkg/prometheus/promcfg.go, generatePodMonitorConfig). */
async function configuration(pods: readonly Pod[]): Promise<object> {
  const text = await readFile(join(manifests, "pod-monitors.yaml"), "utf8");
  const monitors = parseAllDocuments(text).map((each) => each.toJS() as PodMonitor);
  return {
    global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
    rule_files: ["rules.yaml"],
    scrape_configs: monitors.flatMap(({ metadata, spec }) =>
      spec.podMetricsEndpoints.map(({ port, relabelings = [] }) => ({
        job_name: `podMonitor/schedgate-system/${metadata.name}/${port}`,
        static_configs: pods.flatMap(discovered),
        relabel_configs: [
          ...Object.entries(spec.selector.matchLabels).map(([label, regex]) => ({
            action: "keep",
            source_labels: [nameOf(label)],
            regex,
          })),
          { action: "keep", source_labels: ["__meta_kubernetes_pod_container_port_name"], regex: port },
          { source_labels: ["__meta_kubernetes_namespace"], target_label: "namespace" },
          { source_labels: ["__meta_kubernetes_pod_name"], target_label: "pod" },
          { source_labels: ["__meta_kubernetes_pod_container_name"], target_label: "container" },
          { target_label: "job", replacement: `schedgate-system/${metadata.name}` },
          ...relabelings.map((each) => ({
            source_labels: each.sourceLabels,
            target_label: each.targetLabel,
          })),
        ],
      })),
    ),
  };
}

/** What Prometheus makes of a pod, for each port of each container: `kubernetes_sd_config`, role pod. */
function discovered({ metadata, spec, status }: Pod): object[] {
  const labels = Object.entries(metadata.labels).map(([label, value]) => [nameOf(label), value] as const);
  return [...spec.containers, ...(spec.initContainers ?? [])].flatMap(({ name, ports = [] }) =>
    ports.map((port) => ({
      targets: [`${status.podIP}:${String(port.containerPort)}`],
      labels: {
        __meta_kubernetes_namespace: metadata.namespace,
        __meta_kubernetes_pod_name: metadata.name,
        __meta_kubernetes_pod_node_name: spec.nodeName,
        __meta_kubernetes_pod_container_name: name,
        __meta_kubernetes_pod_container_port_name: port.name,
        ...Object.fromEntries(labels),
      },
    })),
  );
}

function nameOf(label: string): string {
  return `__meta_kubernetes_pod_label_${label.replaceAll(/[^A-Za-z0-9_]/g, "_")}`;
}

/** Each expression of the dashboard, as Grafana asks it. */
export async function panelExpressions(): Promise<string[]> {
  const { panels } = JSON.parse(await readFile(join(manifests, "dashboard.json"), "utf8")) as {
    panels: { targets: { expr: string }[] }[];
  };
  return panels.flatMap(({ targets }) =>
    targets.map(({ expr }) => expr.replaceAll("$__rate_interval", "30s")),
  );
}
