import { parseArgs } from "node:util";
import { SchedgateError } from "../../common/errors.ts";
import { down } from "./down.ts";
import { abortable, type Output } from "./exec.ts";
import { ensureLab, IMAGE_PROGRAMS } from "./needs.ts";
import { openProcesses } from "./processes.ts";
import { baseArchive } from "./product/image/base.ts";
import { installSchedgate } from "./schedgate.ts";
import { labName, readState, stateDirectory } from "./state.ts";
import type { Lab, LabOptions, NodeKind, Runtime } from "./types.ts";
import { attach, up } from "./up.ts";

export interface Console {
  print: (line: string) => void;
  log: (line: string) => void;
  signal: AbortSignal;
}

const USAGE = `usage: npm run lab -- up [--node vm|host|none] [--runtime containerd|crio] [--kubernetes v1.36.3] [--schedgate]
       npm run lab -- down | status | kubectl ARGS... | node "COMMAND"
The environment variable SCHEDGATE_LAB tells several labs apart.`;

const KUBERNETES = "v1.36.3";

/** What `up` was asked for. */
export interface UpArguments {
  node: NodeKind;
  runtime: Runtime;
  kubernetes: string;
  schedgate: boolean;
}

/** Runs one command line of the lab; returns the exit code. */
export async function runCommand(argv: readonly string[], console: Console): Promise<number> {
  const [command, ...rest] = argv;
  switch (command) {
    case "up":
      return start(parseUp(rest), console);
    case "down":
      return stop(console);
    case "status":
      return status(console);
    case "kubectl":
      return relay(await (await running()).kubectl(rest), console);
    case "node":
      return relay(await (await running()).node(rest.join(" ")), console);
    case undefined:
    default:
      console.log(USAGE);
      return 2;
  }
}

/**
 * Reads the arguments of `up`.
 * @throws SchedgateError E_USAGE that names the argument.
 */
export function parseUp(args: readonly string[]): UpArguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      node: { type: "string", default: "vm" },
      runtime: { type: "string", default: "containerd" },
      kubernetes: { type: "string", default: KUBERNETES },
      schedgate: { type: "boolean", default: false },
    },
  });
  return {
    node: oneOf("--node", values.node, ["vm", "host", "none"]),
    runtime: oneOf("--runtime", values.runtime, ["containerd", "crio"]),
    kubernetes: values.kubernetes,
    schedgate: values.schedgate,
  };
}

function oneOf<T extends string>(flag: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((each) => each === value);
  if (found === undefined)
    throw new SchedgateError("E_USAGE", `${flag} ${value}: use one of ${allowed.join(", ")}`);
  return found;
}

async function start({ schedgate, ...asked }: UpArguments, { print, log, signal }: Console): Promise<number> {
  const builds = schedgate && asked.node !== "none";
  await ensureLab(asked, log, builds ? IMAGE_PROGRAMS : []);
  const preload = builds && asked.node === "vm" ? [await abortable(signal, () => baseArchive(log))] : [];
  const options: LabOptions = { ...asked, preload, log, signal };
  const lab = await up(options);
  if (schedgate) await installProduct(lab, signal);
  print(`KUBECONFIG=${lab.kubeconfig}`);
  return 0;
}

/** Installs the product from the working tree; without that the lab comes down again. */
async function installProduct(lab: Lab, signal: AbortSignal): Promise<void> {
  try {
    await abortable(signal, () => installSchedgate(lab));
    signal.throwIfAborted();
  } catch (error) {
    for (const line of await down(lab.options.name)) lab.options.log(`  removed: ${line}`);
    throw error;
  }
}

async function stop({ print }: Console): Promise<number> {
  const removed = await down();
  for (const line of removed) print(`removed: ${line}`);
  if (removed.length === 0) print(`no lab named ${labName(undefined, process.env)}: nothing to remove`);
  return 0;
}

async function status({ print }: Console): Promise<number> {
  const name = labName(undefined, process.env);
  const stateDir = stateDirectory(name);
  const state = await readState(stateDir);
  if (state === undefined) {
    print(`no lab named ${name}`);
    return 1;
  }
  print(
    `lab ${name}: node ${state.node}, ${state.runtime}, Kubernetes ${state.kubernetes}, ready since ${state.readySince ?? "never"}`,
  );
  for (const line of await openProcesses(stateDir).list()) print(`  ${line}`);
  const lab = await attach(name);
  if (lab === undefined) return 1;
  const nodes = await lab.kubectl(["get", "nodes,pods", "--all-namespaces", "-o", "wide"]);
  print(nodes.stdout.trimEnd());
  print(`KUBECONFIG=${lab.kubeconfig}`);
  return nodes.code;
}

async function running(): Promise<Lab> {
  const lab = await attach();
  if (lab !== undefined) return lab;
  throw new SchedgateError(
    "E_LAB",
    `no lab named ${labName(undefined, process.env)} runs: npm run lab -- up`,
  );
}

function relay({ code, stdout, stderr }: Output, { print, log }: Console): number {
  if (stdout !== "") print(stdout.trimEnd());
  if (stderr !== "") log(stderr.trimEnd());
  return code;
}
