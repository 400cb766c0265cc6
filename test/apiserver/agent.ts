import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { connectKube } from "../../common/kube/client.ts";
import { resources } from "../../common/kube/paths.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import { nodeHostFs } from "../../node-agent/host/host-fs.ts";
import type { Proof } from "../../node-agent/isolation/backend.ts";
import { beforeFile } from "../../node-agent/isolation/before.ts";
import { ledgerIn } from "../../node-agent/isolation/ledger.ts";
import type { Owner } from "../../node-agent/isolation/owner.ts";
import { type Isolation, reconcile } from "../../node-agent/isolation/reconcile.ts";
import type { Snapshot } from "../../node-agent/daemon/snapshot.ts";
import { create, must } from "./cluster.ts";
import type { Cluster, Json } from "./cluster.ts";
import { pod } from "./objects.ts";

/** The API server as the agent of a node: by a token that is bound to a pod there. */
export async function asAgentOf({ lab, api }: Cluster, node: string): Promise<KubeApi> {
  const name = `agent-${node}`;
  const body = pod({ name, serviceAccountName: "schedgate-node-agent" });
  const placed = { ...body, spec: { ...(body["spec"] as Json), nodeName: node } };
  await create(api, resources.pods, placed, { namespace: "schedgate-system" });
  const bound = ["--bound-object-kind", "Pod", "--bound-object-name", name];
  const args = ["-n", "schedgate-system", "create", "token", "schedgate-node-agent", ...bound];
  const path = join(lab.stateDir, `${name}.kubeconfig`);
  await writeFile(path, await readFile(lab.kubeconfig), { mode: 0o600 });
  const config = ["config", "--kubeconfig", path];
  await must(lab, [...config, "set-credentials", name, `--token=${(await must(lab, args)).trim()}`]);
  await must(lab, [...config, "set-context", "--current", `--user=${name}`]);
  return connectKube({ kubeconfig: path });
}

/** A node whose kernel isolates whatever is claimed: what it does in earnest the runtime tier shows. */
export interface PretendNode {
  isolation: Isolation;
  /** Puts a file into the node's file system. */
  file(path: string, text: string): void;
  root: string;
  /** A container that the companion let start isolated. */
  start(id: string, pod: { namespace: string; name: string; uid: string }): Owner;
  snapshot(): Promise<Snapshot>;
  remove(): void;
}

export function pretendNode(): PretendNode {
  const root = mkdtempSync(join(tmpdir(), "schedgate-agent-"));
  const file = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  file("proc/sys/kernel/random/boot_id", "boot\n");
  const hostFs = nodeHostFs(root);
  const clock = { now: () => new Date(), sleep: () => Promise.resolve() };
  const prove = (): Proof => ({ source: "schedstat", missing: [] });
  const isolation: Isolation = {
    hostFs,
    clock,
    lock: (work) => work(),
    ledger: ledgerIn(hostFs, "/run/ledger"),
    before: beforeFile(hostFs, "/run/before.json", "boot"),
    backend: {
      name: "CgroupV2",
      root: "/cg",
      cpusets: { version: "v2", root: "/cg" },
      survey: () => ({ steps: [], contents: new Map(), watch: [], prove }),
      assumeBefore: () => new Map(),
    },
  };
  let pids = 0;
  return {
    isolation,
    root,
    file,
    start: (id, { namespace, name, uid }) => {
      pids += 1;
      file(`proc/${pids}/stat`, `${pids} (c) S 1 ${"0 ".repeat(17)}${pids} 0 0\n`);
      const identity = { id, namespace, pod: name, podUID: uid, container: "main" };
      const kernel = { cpus: String(pids), cgroup: `k/${id}`, pid: pids, pidStartTime: String(pids) };
      const owner: Owner = {
        version: 1,
        ...identity,
        ...kernel,
        bootId: "boot",
        since: new Date().toISOString(),
      };
      isolation.ledger.put(owner);
      return owner;
    },
    snapshot: async () => ({
      ...(await reconcile(isolation, 1)),
      ...{ backend: "CgroupV2", kernelVersion: "6.12", onlineCPUs: "0-63", at: new Date() },
    }),
    remove: () => {
      rmSync(root, { recursive: true });
    },
  };
}
