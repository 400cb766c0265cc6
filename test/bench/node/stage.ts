import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SchedgateError } from "../../../common/errors.ts";
import { nodeHostFs } from "../../../node-agent/host/host-fs.ts";
import { bootIdOf, statOf } from "../../../node-agent/isolation/liveness.ts";
import { freePorts } from "../../lab/ports.ts";
import { waitFor } from "../../lab/wait.ts";
import { type TestContainer, container } from "../../runtime/container.ts";
import { type Home, companionEnv, makeHome } from "../../runtime/home.ts";
import { isV1, isolatedCpus, lastCpu, removeCgroups } from "../../runtime/kernel.ts";

/** What the measurements share: the node side in a directory of its own, and a daemon that serves it. */
export interface Stage {
  home: Home;
  daemon: ChildProcess;
  /** Makes a container with real runc, by the launcher or without it, and waits until the node is at rest. */
  created(launcher: boolean, asks: boolean): Promise<TestContainer>;
  /** Ends and deletes it, and waits for the end of isolation. */
  removed(one: TestContainer): Promise<void>;
  /** Until nothing of a container is left in ledger and kernel. */
  atRest(): Promise<void>;
  close(): Promise<void>;
}

const agent = join(import.meta.dirname, "../../../dist/agent.mjs");

/** As in manifests/base/node-agent-daemonset.yaml. */
const FLAGS = ["--max-semi-space-size=1", "--optimize-for-size", "--no-opt", "--no-maglev"];

// A service account in a /run of its own; the daemon then is this very process.
const IN_POD = `mount -t tmpfs none /run && cd /run && mkdir -p secrets/kubernetes.io/serviceaccount &&
  cd secrets/kubernetes.io/serviceaccount && touch ca.crt token && exec "$0" "$@"`;

/** @throws SchedgateError E_BENCH where this machine cannot be measured. */
export async function openStage(): Promise<Stage> {
  if (!isV1) throw new SchedgateError("E_BENCH", "this machine has no v1 cpuset controller to measure with");
  if (isolatedCpus() !== "") throw new SchedgateError("E_BENCH", "CPUs are isolated here already");
  const home = await makeHome();
  const [port = 0] = await freePorts(1);
  // As /run is: on a disk each write of the ledger would wait for it.
  const memory = mkdtempSync("/dev/shm/schedgate-bench-");
  symlinkSync(memory, home.run);
  // As in a pod, so that no kubeconfig's code is loaded, with an API server that does not answer.
  const env = { ...companionEnv(home), NODE_NAME: "here", SCHEDGATE_HEALTH_PORT: String(port) };
  const cluster = {
    MALLOC_ARENA_MAX: "1",
    LANG: undefined,
    KUBECONFIG: "",
    KUBERNETES_SERVICE_HOST: "127.0.0.1",
    KUBERNETES_SERVICE_PORT: "1",
  };
  const inPod = ["-m", "/bin/sh", "-c", IN_POD, process.execPath, ...FLAGS, agent];
  const daemon = spawn("unshare", inPod, { env: { ...env, ...cluster }, stdio: "ignore" });
  await waitFor({ what: "daemon that serves", timeoutMs: 30_000 }, () =>
    Promise.resolve(existsSync(join(home.run, "daemon")) ? true : undefined),
  );
  let made = 0;
  const atRest = async (): Promise<void> => {
    await waitFor({ what: "end of isolation", timeoutMs: 20_000, intervalMs: 5 }, () =>
      Promise.resolve(!existsSync(join(home.run, "before.json")) ? true : undefined),
    );
  };
  return {
    home,
    daemon,
    atRest,
    created: async (launcher, asks) => {
      made += 1;
      const one = container(
        home,
        { id: `bench${made}`, cpus: lastCpu, ...(asks ? { ask: "enabled" } : {}) },
        launcher,
      );
      const { code } = await one.create();
      if (code !== 0) throw new SchedgateError("E_BENCH", `${one.id} was not created: exit code ${code}`);
      return one;
    },
    removed: async (one) => {
      await one.remove();
      rmSync(one.bundle, { recursive: true, force: true });
      await atRest();
      // As the kubelet does: else each round would measure a larger tree, and a longer record of CPUs.
      removeCgroups();
      rmSync(home.kubeletState, { force: true });
    },
    close: async () => {
      const ended = new Promise((resolve) => daemon.once("exit", resolve));
      daemon.kill("SIGCONT");
      daemon.kill("SIGTERM");
      await ended;
      removeCgroups();
      home.remove();
      rmSync(memory, { recursive: true });
    },
  };
}

/** Milliseconds that a call of the runtime takes, from its start to its end. @throws SchedgateError E_BENCH */
export function timed(home: Home, runtime: string, ...args: readonly string[]): number {
  const started = performance.now();
  const { status } = spawnSync(runtime, ["--root", join(home.dir, "state"), ...args], { stdio: "ignore" });
  const took = performance.now() - started;
  if (status !== 0) throw new SchedgateError("E_BENCH", `${args.join(" ")}: exit code ${String(status)}`);
  return took;
}

/** Puts so many containers that own nothing into the ledger; returns what takes them out again. */
export function fillLedger(home: Home, count: number): () => void {
  const dir = join(home.run, "ledger");
  const hostFs = nodeHostFs();
  const bootId = bootIdOf(hostFs);
  const pidStartTime = statOf(hostFs, process.pid)?.startTime;
  const owner = { version: 1, namespace: "test", pod: "p", podUID: "u", container: "main", cpus: "" };
  const process_ = { cgroup: "none", pid: process.pid, pidStartTime, bootId, since: "", reason: "shared" };
  mkdirSync(dir, { recursive: true });
  for (let index = 0; index < count; index += 1) {
    const id = `filler${index}`;
    writeFileSync(join(dir, `${id}.json`), JSON.stringify({ ...owner, ...process_, id }));
  }
  return () => {
    for (const name of readdirSync(dir).filter((each) => each.startsWith("filler"))) rmSync(join(dir, name));
  };
}
