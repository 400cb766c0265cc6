import { join } from "node:path";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { parseAllDocuments } from "yaml";
import { cacheRoot, openCache } from "../lab/cache.ts";
import { must } from "../lab/exec.ts";
import { controlPlaneBinaries } from "../lab/gobuild.ts";
import { ensureLab } from "../lab/lab.ts";
import type { Json } from "./cluster.ts";

const manifests = join(import.meta.dirname, "../../manifests");
const silent = (): void => undefined;

interface Container {
  name: string;
  securityContext: Json & { privileged?: boolean };
  volumeMounts?: { name: string; readOnly?: boolean }[];
}

interface PodSpec extends Json {
  containers: Container[];
  initContainers?: Container[];
  volumes?: { name: string; hostPath?: { path: string } }[];
}

interface Built {
  kind: string;
  metadata: { name: string; labels?: Record<string, string> };
  spec: Json & { template: { metadata: { labels: Record<string, string> }; spec: PodSpec } };
}

/** What `kubectl apply -k` applies, without a server. */
async function render(kubectl: string, directory: string): Promise<Built[]> {
  const text = await must(kubectl, ["kustomize", join(manifests, directory)]);
  return parseAllDocuments(text).map((each) => each.toJS() as Built);
}

function find(objects: Built[], kind: string, name: string): Built {
  const found = objects.find((each) => each.kind === kind && each.metadata.name === name);
  if (found === undefined) throw new Error(`no ${kind} ${name} is applied`);
  return found;
}

let kubectl: string;
beforeAll(async () => {
  const kubernetes = "v1.36.3";
  await ensureLab({ node: "none", runtime: "containerd", kubernetes }, silent);
  const binaries = await controlPlaneBinaries(openCache(cacheRoot(process.env), silent), kubernetes, silent);
  kubectl = join(binaries, "kubectl");
}, 600_000);

describe.each(["containerd", "crio"])("the manifests of overlays/%s", (overlay) => {
  let objects: Built[];
  let webhook: Built;
  let agent: Built;
  beforeAll(async () => {
    objects = await render(kubectl, `overlays/${overlay}`);
    webhook = find(objects, "Deployment", "schedgate-webhook");
    agent = find(objects, "DaemonSet", "schedgate-node-agent");
  }, 60_000);

  test("run the webhook as a user that is not root, and not by the node's namespaces or files", () => {
    const { spec } = webhook.spec.template;
    expect(spec["securityContext"]).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 65532,
      runAsGroup: 65532,
      seccompProfile: { type: "RuntimeDefault" },
    });
    expect(Object.keys(spec).filter((key) => key.startsWith("host"))).toEqual([]);
    expect((spec.volumes ?? []).filter(({ hostPath }) => hostPath !== undefined)).toEqual([]);
  });

  test("give the webhook a read-only root file system, no capability and no way to gain one", () => {
    expect(webhook.spec.template.spec.containers.map(({ securityContext }) => securityContext)).toEqual([
      { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
    ]);
    expect(webhook.spec.template.spec.initContainers).toBeUndefined();
  });

  test("keep one of the webhook's two replicas through every drain and update", () => {
    expect(webhook.spec).toMatchObject({
      replicas: 2,
      strategy: { rollingUpdate: { maxUnavailable: 0 } },
    });
    const { spec } = find(objects, "PodDisruptionBudget", "schedgate-webhook");
    expect(spec).toEqual({
      minAvailable: 1,
      selector: { matchLabels: { "app.kubernetes.io/name": "schedgate-webhook" } },
    });
    expect(webhook.spec.template.metadata.labels).toMatchObject({
      "app.kubernetes.io/name": "schedgate-webhook",
    });
  });

  test.each([
    ["schedgate-webhook", [8443, 8081]],
    ["schedgate-node-agent", [8081, 8082]],
  ])("let nothing into the pods of %s but what asks on its own ports", (name, ports) => {
    const { spec } = find(objects, "NetworkPolicy", name);
    expect(spec).toEqual({
      podSelector: { matchLabels: { "app.kubernetes.io/name": name } },
      policyTypes: ["Ingress"],
      ingress: [{ ports: ports.map((port) => ({ port, protocol: "TCP" })) }],
    });
    const pods = name === "schedgate-webhook" ? webhook : agent;
    expect(pods.spec.template.metadata.labels).toMatchObject({ "app.kubernetes.io/name": name });
  });

  test("give the node agent two capabilities and the parts of the node that it works on, not the whole", () => {
    const { containers } = agent.spec.template.spec;
    expect(containers.map(({ name }) => name)).toEqual(["agent"]);
    expect(containers[0]?.securityContext).toMatchObject({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"], add: ["SYS_ADMIN", "DAC_OVERRIDE"] },
      seccompProfile: { type: "RuntimeDefault" },
    });
    expect(containers[0]?.securityContext.privileged).toBeUndefined();
    expect(writable(agent)).toEqual(["/run/schedgate", "/sys/fs/cgroup"]);
  });

  test("let only the installer be privileged, with a read-only root file system", () => {
    const { initContainers = [] } = agent.spec.template.spec;
    expect(initContainers.map(({ name, securityContext }) => [name, securityContext])).toEqual([
      ["installer", { privileged: true, runAsUser: 0, readOnlyRootFilesystem: true }],
    ]);
  });

  test("send pods of the handler only to nodes on which isolation works", () => {
    expect(find(objects, "RuntimeClass", "wrapper")).toMatchObject({
      handler: "wrapper",
      scheduling: { nodeSelector: { "schedgate.dev/isolation": "ready" } },
    });
  });
});

/** The node's directories that the agent itself may write. */
function writable({ spec }: Built): string[] {
  const { containers, volumes = [] } = spec.template.spec;
  const mounts = containers
    .flatMap(({ volumeMounts = [] }) => volumeMounts)
    .filter(({ readOnly }) => readOnly !== true);
  const path = (name: string): string =>
    volumes.find((volume) => volume.name === name)?.hostPath?.path ?? name;
  return mounts.map(({ name }) => path(name)).sort();
}
