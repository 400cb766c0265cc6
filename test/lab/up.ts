import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SchedgateError } from "../../common/errors.ts";
import { type Cache, cacheRoot, openCache, seconds } from "./cache.ts";
import { podsPossible, serverUrl, startControlPlane } from "./controlplane.ts";
import { down } from "./down.ts";
import { absentNode, driverOf } from "./drivers.ts";
import { abortable, exec, type Output } from "./exec.ts";
import { controlPlaneBinaries } from "./gobuild.ts";
import { ensureLab } from "./needs.ts";
import { createPki } from "./pki.ts";
import { freePorts } from "./ports.ts";
import { openProcesses } from "./processes.ts";
import { labName, type LabState, readState, stateDirectory, writeState } from "./state.ts";
import type { BuildContext, Lab, LabNode, LabOptions, NodeContext, NodeDriver } from "./types.ts";
import { waitFor } from "./wait.ts";

/** Longest time that a healthy node took, times three. */
const READY_TIMEOUT_MS = 90_000;

/**
 * Brings a lab up, from nothing or over the remains of one with the same name.
 * Whatever fails or aborts it, what it started is ended before the error is passed on.
 */
export async function up(options: LabOptions): Promise<Lab> {
  const { log, signal } = options;
  const name = labName(options.name, process.env);
  const stateDir = stateDirectory(name);
  await ensureLab(options, log);
  const driver = await driverOf(options.node);
  for (const line of await down(name)) log(`left over from before, removed: ${line}`);

  const cache = openCache(cacheRoot(process.env), log);
  const kubernetes = await abortable(signal, () => controlPlaneBinaries(cache, options.kubernetes, log));
  signal?.throwIfAborted();
  await mkdir(stateDir, { recursive: true });
  await chmod(stateDir, 0o755);
  const { node, runtime } = options;
  const state: LabState = { name, node, runtime, kubernetes: options.kubernetes, binaries: kubernetes };
  await writeState(stateDir, state);
  try {
    const lab = await bringUp({ options, stateDir, cache, kubernetes, driver });
    await writeState(stateDir, { ...state, readySince: new Date().toISOString() });
    return lab;
  } catch (error) {
    log("the lab did not come up; ending what was started");
    for (const line of await down(name)) log(`  removed: ${line}`);
    throw error;
  }
}

interface Start {
  options: LabOptions;
  stateDir: string;
  cache: Cache;
  kubernetes: string;
  driver: NodeDriver;
}

async function bringUp({ options, stateDir, cache, kubernetes, driver }: Start): Promise<Lab> {
  const { log, signal } = options;
  const processes = openProcesses(stateDir);
  const build: BuildContext = { options, stateDir, cache, processes, kubernetes };
  await abortable(signal, () => driver.prepare(build));
  signal?.throwIfAborted();

  const start = Date.now();
  const network = await driver.network(build);
  const [apiPort = 0] = await freePorts(1, network.bindAddress);
  const pki = await createPki(join(stateDir, "pki"));
  const kubeconfig = join(stateDir, "kubeconfig");
  const admin = { name: "admin", commonName: "lab-admin", organization: "system:masters" };
  await writeFile(kubeconfig, await pki.kubeconfig(admin, serverUrl(network, apiPort)), { mode: 0o600 });
  const kubectl = kubectlOf(kubernetes, kubeconfig);
  const context: NodeContext = { ...build, pki, network, apiPort, kubectl };
  await both(startControlPlane(context), driver.boot?.(build) ?? Promise.resolve());
  log(`control plane ready after ${seconds(start)}`);
  const node = options.node === "none" ? absentNode : await startNode(driver, context, start);
  await driver.settle?.(context);
  await podsPossible(context);
  return labOf(options, stateDir, kubectl, node);
}

/** Waits for both also where one fails: nothing may start processes any more when the remains are cleared away. */
async function both(...tasks: Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(tasks)) if (result.status === "rejected") throw result.reason;
}

async function startNode(driver: NodeDriver, context: NodeContext, start: number): Promise<LabNode> {
  const { options, kubectl } = context;
  const node = await driver.start(context);
  const ready = ["get", "node", node.name, "-o", 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'];
  try {
    await waitFor(
      { what: "Ready node", timeoutMs: READY_TIMEOUT_MS, intervalMs: 200, signal: options.signal },
      async () => ((await kubectl(ready)).stdout === "True" ? true : undefined),
    );
  } catch (cause) {
    if (options.signal?.aborted === true) throw cause;
    throw new SchedgateError(
      "E_NODE",
      `node ${node.name} did not become Ready; last lines there:\n${await node.lastLines()}`,
      { cause },
    );
  }
  options.log(`node ${node.name} Ready after ${seconds(start)}`);
  return node;
}

/** kubectl of the lab's own version with the admin's kubeconfig. */
function kubectlOf(binaries: string, kubeconfig: string): Lab["kubectl"] {
  const environment = { ...process.env, KUBECONFIG: kubeconfig };
  return (args, input): Promise<Output> =>
    exec(join(binaries, "kubectl"), args, { env: environment, ...(input === undefined ? {} : { input }) });
}

function labOf(options: LabOptions, stateDir: string, kubectl: Lab["kubectl"], node: LabNode): Lab {
  return {
    options,
    stateDir,
    kubeconfig: join(stateDir, "kubeconfig"),
    kubectl,
    node: (command) => node.run(command),
    restartService: (service) => node.restartService(service),
    loadImage: (archive, name) => node.loadImage(archive, name),
    agentSettings: node.agentSettings,
    staticPods: node.staticPods,
    crictl: node.crictl,
  };
}

/** The running lab of that name, or undefined where there is none that came up whole. */
export async function attach(
  name?: string,
  log: (line: string) => void = () => undefined,
): Promise<Lab | undefined> {
  const stateDir = stateDirectory(labName(name, process.env));
  const state = await readState(stateDir);
  const processes = openProcesses(stateDir);
  if (state?.readySince === undefined || !(await processes.alive("kube-apiserver"))) return undefined;
  const options: LabOptions = { ...state, log };
  const node =
    state.node === "none"
      ? absentNode
      : await (await driverOf(state.node)).attach({ options, stateDir, processes });
  return labOf(options, stateDir, kubectlOf(state.binaries, join(stateDir, "kubeconfig")), node);
}
