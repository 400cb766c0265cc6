import { afterAll, beforeAll, describe, expect } from "@jest/globals";
import { formatCpuSet } from "../../common/cpuset.ts";
import { apply, kubectl, refusal, running } from "../demo/cluster.ts";
import { onNode } from "../demo/kernel.ts";
import { grant, namespace, ordinaryPod, ordinaryPodSpec, pinnedPodSpec, pod } from "../demo/objects.ts";
import { pinned } from "../demo/pinned.ts";
import { Report } from "../demo/report.ts";
import { expectBalanced, expectIsolated } from "../demo/signs.ts";
import { until } from "../demo/wait.ts";
import type { Lab } from "../lab/lab.ts";
import { baseArchive } from "../lab/product/image/base.ts";
import { installSchedgate } from "../lab/product/install.ts";
import { cpusetTraces } from "../lab/product/traces.ts";
import { lacksNode, testOn } from "../prerequisite.ts";
import { agentBack, deleteAgent, killAgent } from "./agent-pod.ts";
import { type ImageLab, openImageLab, silent } from "./imagelab.ts";
import { restartKubelet } from "./kubelet.ts";
import { expectSetAside, LEDGER, ledgerHolds } from "./ledger.ts";
import * as statics from "./static-pod.ts";
import { expectSteady, expectUndisturbed, type Steady } from "./steady.ts";

const minutes = 60_000;
const ENGINE = "engine";
const unseen = new Report(silent);
const combinations = [
  ["vm", "containerd"],
  ["host", "crio"],
] as const;
const damages = [
  // Taken away first, for the agent that still runs writes into it again.
  ["deleted", `mv ${LEDGER} ${LEDGER}.gone && rm -r ${LEDGER}.gone`],
  ["torn", `for f in ${LEDGER}/*.json; do head -c 40 $f > /tmp/torn; cat /tmp/torn > $f; done; rm /tmp/torn`],
  ["empty", `for f in ${LEDGER}/*.json; do : > $f; done`],
  ["of a later version", `sed -i 's/"version":1/"version":2/' ${LEDGER}/*.json`],
] as const;

describe.each(combinations)("on a %s node with %s, an isolated pod", (node, runtime) => {
  let opened: ImageLab | undefined;
  let lab: Lab;
  let before: string[];
  let steady: Steady;
  const step = testOn(lacksNode());

  beforeAll(async () => {
    if (lacksNode() !== undefined) return;
    const preload = node === "vm" ? [await baseArchive(silent)] : [];
    opened = await openImageLab({ node, runtime, preload });
    ({ lab } = opened);
    await installSchedgate(lab, opened.image, silent);
    before = await cpusetTraces(lab);
    await kubectl(lab, ["create", "namespace", namespace]);
    await kubectl(lab, ["-n", namespace, "create", "serviceaccount", "engine"]);
    await apply(lab, grant);
    await apply(lab, pod(ENGINE, pinnedPodSpec(node === "vm" ? 2 : 1), true));
    await running(lab, namespace, ENGINE);
    const pair = node === "vm" ? [1, 2] : [0, 1];
    steady = { lab, pod: ENGINE, pair, ...(await pinned(lab, namespace, ENGINE)) };
    await expectSteady(steady);
  }, 20 * minutes);

  afterAll(() => opened?.end(), 5 * minutes);

  step(
    "runs what is executed in it later on its CPUs, and stays as it is",
    () =>
      expectUndisturbed(steady, async () => {
        const command = ["grep", "Cpus_allowed_list", "/proc/self/status"];
        const said = await kubectl(lab, ["-n", namespace, "exec", ENGINE, "--", ...command]);
        expect(said.trim().split(/\s+/)[1]).toBe(formatCpuSet(steady.cpus));
      }),
    2 * minutes,
  );

  step(
    "stays as it is while the kubelet is restarted and updates its containers",
    () => expectUndisturbed(steady, () => restartKubelet(lab, steady.pid)),
    3 * minutes,
  );

  step(
    "stays as it is while the runtime is restarted, and another pod starts after that",
    () =>
      expectUndisturbed(steady, async () => {
        await lab.restartService("runtime");
        await apply(lab, pod(ordinaryPod, ordinaryPodSpec));
        await running(lab, namespace, ordinaryPod);
      }),
    3 * minutes,
  );

  // A node on the machine itself has no systemd.
  if (node === "vm")
    step(
      "stays as it is over systemctl daemon-reload, and a change of its slice's properties",
      () =>
        expectUndisturbed(steady, async () => {
          await onNode(lab, "systemctl daemon-reload");
          // systemd writes all of a unit's properties anew.
          await onNode(lab, "systemctl set-property --runtime kubepods.slice CPUWeight=101");
          await onNode(lab, "systemctl daemon-reload");
        }),
      2 * minutes,
    );

  step(
    "stays as it is while the agent is killed, and while its pod is deleted",
    () =>
      expectUndisturbed(steady, async () => {
        await agentBack(lab, () => killAgent(lab));
        await agentBack(lab, () => deleteAgent(lab));
      }),
    10 * minutes,
  );

  // How a file is damaged has nothing to do with kernel and service manager, and an emulated node takes a minute for each.
  describe.each(node === "vm" ? damages.slice(0, 1) : damages)(
    "whose ledger is %s while the agent is restarted",
    (damage, command) => {
      step(
        "is isolated again, in the same process and by the same grant",
        async () => {
          await agentBack(lab, async () => {
            await onNode(lab, command);
            await deleteAgent(lab);
          });
          await ledgerHolds(lab, steady.pid, "trading");
          await expectSteady(steady);
          if (damage !== "deleted") await expectSetAside(lab);
        },
        10 * minutes,
      );
    },
  );

  const restored = async (): Promise<void> => {
    await expectBalanced(lab, steady.pair, unseen);
    await until("cpusets as they were", 60, async () => {
      const now = await cpusetTraces(lab);
      return now.join() === before.join() ? { value: undefined } : { not: now.join("; ") };
    });
    const state = `ls -A ${LEDGER}; ls /run/schedgate/before.json 2>/dev/null; true`;
    expect(await onNode(lab, state)).toBe("");
  };

  step(
    "gives everything back byte for byte when it is deleted",
    async () => {
      await kubectl(lab, ["-n", namespace, "delete", "pod", ENGINE, ordinaryPod, "--ignore-not-found"]);
      await restored();
    },
    3 * minutes,
  );

  step(
    "that is static is isolated only where the node's own list names it, and only its node may mirror it",
    async () => {
      const cpus = node === "vm" ? 2 : 1;
      await kubectl(lab, ["create", "namespace", statics.namespace]);
      await statics.allowStaticPods(lab, [`${statics.namespace}/listed-*`]);

      const unlisted = await statics.putStaticPod(lab, "unlisted", cpus);
      await running(lab, statics.namespace, unlisted);
      await statics.degraded(lab, `does not name ${statics.namespace}/${unlisted}`);
      await expectBalanced(lab, steady.pair, unseen);
      await statics.removeStaticPod(lab, "unlisted");

      const listed = await statics.putStaticPod(lab, "listed", cpus);
      await running(lab, statics.namespace, listed);
      const container = await pinned(lab, statics.namespace, listed);
      expect(container.cpus).toHaveLength(cpus);
      await expectIsolated(lab, container.cpus, steady.pair, unseen);
      await statics.degraded(lab, "nothing needs a person");

      await expectNoOtherMirror(lab, cpus);
      await statics.removeStaticPod(lab, "listed");
      await restored();
    },
    6 * minutes,
  );
});

/** The kubelet's own mirror stands in the API; the same object by anybody else is refused. */
async function expectNoOtherMirror(lab: Lab, cpus: number): Promise<void> {
  const own = statics.staticPod("forged", cpus) as { metadata: { annotations: object }; spec: object };
  const annotations = { ...own.metadata.annotations, "kubernetes.io/config.mirror": "forged" };
  const forged = {
    ...own,
    metadata: { ...own.metadata, annotations },
    spec: { ...own.spec, nodeName: await statics.nodeName(lab) },
  };
  expect(await refusal(lab, ["create", "-f", "-"], forged)).toContain("no HookGrant covers");
  const another = ["--as=system:node:another", "--as-group=system:nodes", "--as-group=system:authenticated"];
  await refusal(lab, ["create", "-f", "-", ...another], forged);
}
