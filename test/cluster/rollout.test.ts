import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect } from "@jest/globals";
import { connectKube } from "../../common/kube/client.ts";
import { kubectl } from "../demo/cluster.ts";
import { onNode } from "../demo/kernel.ts";
import { until } from "../demo/wait.ts";
import type { Lab } from "../lab/lab.ts";
import { applySchedgate } from "../lab/product/install.ts";
import { lacksNode, testOn } from "../prerequisite.ts";
import { entitle } from "../soak/kinds.ts";
import { startLoad } from "../soak/load.ts";
import type { Load } from "../soak/load.ts";
import { breaches, report } from "../soak/report.ts";
import { Tally } from "../soak/tally.ts";
import { type ImageLab, openImageLab, silent } from "./imagelab.ts";
import { pidsOf } from "./processes.ts";
import { panelExpressions, startPrometheus } from "./prometheus.ts";
import type { Pod } from "./prometheus.ts";

const minutes = 60_000;
const SYSTEM = ["-n", "schedgate-system"];
const WEBHOOK = "deployment/schedgate-webhook";
const PODS = [...SYSTEM, "get", "pods", "-l", "app.kubernetes.io/name=schedgate-webhook", "-o"];
/** Replicas that are asked to end serve on for 95 s, and a new one first takes its time to start. */
const ROLLED_SECONDS = 300;
/** A call may last as long as the webhooks' time limit, and is tried again. */
const SETTLE_MS = 6_000;
/** Long enough for many creates. */
const OUTAGE_MS = 12_000;

// The soak's load on what the manifests install: pods behind a Service, a kubelet that probes them, kube-proxy's own rules.
describe("under steady load, the webhook in its Deployment", () => {
  let opened: ImageLab | undefined;
  let lab: Lab;
  let tally: Tally;
  let load: Load | undefined;
  const step = testOn(lacksNode());

  beforeAll(async () => {
    if (lacksNode() !== undefined) return;
    opened = await openImageLab({ node: "host", runtime: "containerd" });
    ({ lab } = opened);
    await applySchedgate(lab, opened.image, silent);
    // The lab's overlay shortens the drain; here it is the manifests' own.
    await kubectl(lab, [...SYSTEM, "set", "env", WEBHOOK, "SCHEDGATE_DRAIN_SECONDS-"]);
    await rolled(lab);
    await entitle(await connectKube({ kubeconfig: lab.kubeconfig }));
    tally = new Tally();
    load = startLoad(lab.kubeconfig, tally);
  }, 20 * minutes);

  afterAll(async () => {
    try {
      await load?.stop();
    } finally {
      await opened?.end();
    }
    if (load !== undefined) process.stderr.write(report(tally.end()));
  }, 5 * minutes);

  /** That pods were made meanwhile, that none failed that must not, and that none was made without right. */
  const expectServed = async (fault: string, work: () => Promise<void>): Promise<void> => {
    const phase = tally.begin(fault);
    await work();
    await sleep(SETTLE_MS);
    tally.begin("none");
    expect(breaches([phase])).toEqual([]);
    for (const each of Object.values(phase.kinds)) expect(each.done).toBeGreaterThan(0);
  };

  step(
    "fails no create of a granted pod while it is rolled",
    () =>
      expectServed("rolling", async () => {
        await kubectl(lab, [...SYSTEM, "rollout", "restart", WEBHOOK]);
        await rolled(lab);
      }),
    8 * minutes,
  );

  step(
    "nor while one of its pods is evicted, as for the drain of a node",
    () =>
      expectServed("rolling", async () => {
        const name = await kubectl(lab, [...PODS, "jsonpath={.items[0].metadata.name}"]);
        const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name } };
        const path = `/api/v1/namespaces/schedgate-system/pods/${name}/eviction`;
        await kubectl(lab, ["create", "--raw", path, "-f", "-"], eviction);
        // The Deployment is the same, and its status may be the one from before.
        const gone = ["wait", "--for=delete", `pod/${name}`, `--timeout=${ROLLED_SECONDS}s`];
        await kubectl(lab, [...SYSTEM, ...gone]);
        await rolled(lab);
      }),
    8 * minutes,
  );

  step(
    "loses no pod when a replica is killed, and ordinary ones do not notice",
    () =>
      expectServed("kill", async () => {
        const [pid = ""] = await pidsOf(lab, "/app/webhook.mjs");
        await onNode(lab, `kill -9 ${pid}`);
        await until("a new process in the killed one's pod", ROLLED_SECONDS, async () => {
          const counts = "jsonpath={.items[*].status.containerStatuses[0].restartCount}";
          const said = await kubectl(lab, [...PODS, counts]);
          return said.includes("1") ? { value: undefined } : { not: `restarts ${said}` };
        });
        await rolled(lab);
      }),
    8 * minutes,
  );

  step(
    "lets ordinary pods be made while it is scaled to nothing, and granted ones after that",
    () =>
      expectServed("down", async () => {
        await kubectl(lab, [...SYSTEM, "scale", WEBHOOK, "--replicas=0"]);
        await sleep(OUTAGE_MS);
        await kubectl(lab, [...SYSTEM, "scale", WEBHOOK, "--replicas=2"]);
        await rolled(lab);
      }),
    8 * minutes,
  );

  step(
    "is scraped by a real Prometheus as its PodMonitors say; no alert is broken, and no panel empty",
    async () => {
      const listed = await kubectl(lab, [...SYSTEM, "get", "pods", "-o", "json"]);
      const prometheus = await startPrometheus((JSON.parse(listed) as { items: Pod[] }).items);
      try {
        await until("all endpoints of webhook and agent, up", 120, async () => {
          const targets = await prometheus.targets().catch((error: unknown) => String(error));
          if (typeof targets === "string") return { not: targets };
          const up = targets.filter((each) => each.up).map(({ job }) => job);
          const [webhooks, agents] = ["webhook", "node-agent"].map(
            (name) => up.filter((job) => job === `schedgate-system/schedgate-${name}`).length,
          );
          const isWhole = webhooks === 2 && agents === 2 && targets.length === 4;
          return isWhole ? { value: undefined } : { not: JSON.stringify(targets) };
        });
        await until("every alert evaluated", 60, async () => {
          const broken = await prometheus.brokenAlerts();
          if (broken === undefined) return { not: "not yet" };
          expect(broken).toEqual([]);
          return { value: undefined };
        });
        await until("something in every panel", 60, async () => {
          const expressions = await panelExpressions();
          const counts = await Promise.all(expressions.map((each) => prometheus.query(each)));
          const empty = expressions.filter((_, i) => counts[i] === 0);
          return empty.length === 0 ? { value: undefined } : { not: `nothing by ${empty.join("; ")}` };
        });
      } finally {
        await prometheus.stop();
      }
    },
    8 * minutes,
  );
});

/** Until all replicas are ready, and those that were to end have ended. */
async function rolled(lab: Lab): Promise<void> {
  await kubectl(lab, [...SYSTEM, "rollout", "status", WEBHOOK, `--timeout=${ROLLED_SECONDS}s`]);
  await until("two replicas, both ready", ROLLED_SECONDS, async () => {
    const said = await kubectl(lab, [...PODS, "jsonpath={.items[*].status.containerStatuses[0].ready}"]);
    return said === "true true" ? { value: undefined } : { not: `ready ${said}` };
  });
}
