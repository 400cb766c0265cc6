import { pathOf, resources } from "../../../common/kube/paths.ts";
import type { ResourceName } from "../../../common/kube/paths.ts";
import { grant } from "../../apiserver/objects.ts";
import { waitFor } from "../../lab/wait.ts";
import type { Json } from "../../apiserver/cluster.ts";
import type { Bench } from "./contenders/contender.ts";
import { awaitGuard } from "./contenders/probe.ts";
import { startBundle } from "./contenders/schedgate.ts";
import { p50, p99 } from "./figures.ts";
import type { Load } from "./load/load.ts";
import type { Result } from "./bench.ts";
import { verdictTable } from "./report.ts";
import type { Verdict } from "./verdicts.ts";
import { cpuSecondsOf, peakRssOf, resetPeak } from "./usage.ts";
import { GRANTED, podOf, podsPath, UNGRANTED } from "./workloads.ts";

const GRANTS = [10, 1_000, 10_000];
const CLASSES = 1_000;
const CREATORS = 32;
/** Requests a step, one at a time, after as many that do not count. */
const REQUESTS = 1_500;

interface Step {
  grants: number;
  /** While so many came and were used, MB. */
  peakMb: number;
  p50Ms: number;
  p99Ms: number;
  cpuPerThousand: number;
}

/** The webhook with ever more grants, then with many RuntimeClasses and pods in the cluster as well. */
export async function measureScale({ cluster, log }: Bench, load: Load, pods: number): Promise<Result> {
  const many = async (resource: ResourceName, bodies: Json[], count = bodies.length): Promise<void> => {
    const start = Date.now();
    const job = { path: pathOf(resource), bodies: bodies.map((each) => JSON.stringify(each)), count };
    await load.run({ ...job, connections: CREATORS });
    log(`${count} ${resource.resource} in ${((Date.now() - start) / 1000).toFixed(0)} s`);
  };
  await many(resources.hookGrants, [grant("bench", GRANTED)]);
  const webhook = await startBundle(cluster);
  try {
    await webhook.ready();
    await awaitGuard(cluster, true);
    const steps: Step[] = [];
    let made = 1;
    for (const grants of GRANTS) {
      const bodies = Array.from({ length: grants - made }, (_, n) => other(made + n));
      await many(resources.hookGrants, bodies);
      made = grants;
      await idle(webhook.pid);
      steps.push({ grants, ...(await step(load, webhook.pid)), peakMb: await peakMbOf(webhook.pid) });
    }
    await many(
      resources.runtimeClasses,
      Array.from({ length: CLASSES }, (_, n) => classOf(n)),
    );
    const start = Date.now();
    const ordinary = [JSON.stringify(podOf("ordinary"))];
    await load.run({
      path: podsPath(UNGRANTED, false),
      bodies: ordinary,
      count: pods,
      connections: CREATORS,
    });
    log(`${pods} pods in ${((Date.now() - start) / 1000).toFixed(0)} s`);
    await idle(webhook.pid);
    await step(load, webhook.pid);
    return resultOf(steps, await peakMbOf(webhook.pid), pods);
  } finally {
    await webhook.stop();
  }
}

function other(n: number): Json {
  return grant(`other-${n}`, `other-${n}`);
}

function classOf(n: number): Json {
  return {
    apiVersion: "node.k8s.io/v1",
    kind: "RuntimeClass",
    metadata: { name: `class-${n}` },
    handler: `handler-${n}`,
  };
}

async function step(load: Load, pid: number): Promise<Omit<Step, "grants" | "peakMb">> {
  const job = { path: podsPath(GRANTED), bodies: [JSON.stringify(podOf("protected"))], connections: 1 };
  await load.run({ ...job, count: REQUESTS });
  const before = await cpuSecondsOf(pid);
  const outcome = await load.run({ ...job, count: REQUESTS });
  const cpu = (await cpuSecondsOf(pid)) - before;
  return { p50Ms: p50(outcome), p99Ms: p99(outcome), cpuPerThousand: (1000 * cpu) / outcome.requests };
}

/** The peak since the last look. */
async function peakMbOf(pid: number): Promise<number> {
  const peak = await peakRssOf(pid);
  await resetPeak(pid);
  return peak / 1e6;
}

/** Waits until the webhook has caught up with what was written: 3 s almost without work. */
async function idle(pid: number): Promise<void> {
  let before = -1; // the first look only begins
  await waitFor({ what: "idle webhook", timeoutMs: 600_000, intervalMs: 3_000 }, async () => {
    const now = await cpuSecondsOf(pid);
    const used = now - before;
    before = now;
    return used < 0.1 ? true : undefined;
  });
}

/** `withPodsMb`: the peak while classes and pods came on top of the grants. */
function resultOf(steps: readonly Step[], withPodsMb: number, pods: number): Result {
  const [first, last] = [steps[0], steps.at(-1)];
  const ratio = (of: (each: Step) => number): number | undefined => first && last && of(last) / of(first);
  const most = { atLeast: false } as const;
  const verdicts: Verdict[] = [
    // "Flat" on a machine where the same figure is seldom within a tenth of itself.
    {
      what: "protected p50, 10,000 grants / 10",
      value: ratio((each) => each.p50Ms),
      aim: 1.1,
      unit: "×",
      ...most,
    },
    {
      what: "own CPU, 10,000 grants / 10",
      value: ratio((each) => each.cpuPerThousand),
      aim: 1.2,
      unit: "×",
      ...most,
    },
    {
      what: `peak RSS, 10,000 grants, ${CLASSES} classes, ${pods} pods`,
      value: Math.max(withPodsMb, ...steps.map((each) => each.peakMb)),
      aim: 110,
      unit: "MB",
      ...most,
    },
  ];
  const rows = steps.map(({ grants, p50Ms, p99Ms, cpuPerThousand, peakMb }) => [
    String(grants),
    p50Ms.toFixed(2),
    p99Ms.toFixed(1),
    cpuPerThousand.toFixed(3),
    peakMb.toFixed(0),
  ]);
  const head = ["grants", "p50 ms", "p99 ms", "CPU s/1,000", "peak MB"];
  rows.push([`with ${CLASSES} classes, ${pods} pods`, "", "", "", withPodsMb.toFixed(0)]);
  return {
    report: (style) =>
      style.title("protected pod, one at a time") +
      style.table([head, ...rows]) +
      verdictTable(verdicts, style),
    figures: { steps, withPodsMb, pods, verdicts },
  };
}
