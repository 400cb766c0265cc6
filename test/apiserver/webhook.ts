import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { openSync, readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePorts } from "../lab/ports.ts";
import { waitFor } from "../lab/wait.ts";
import { checkedAnswers } from "./answerlog.ts";
import { must } from "./cluster.ts";
import type { Cluster } from "./cluster.ts";

const source = join(import.meta.dirname, "../../webhook/main.ts");
const answers = join(import.meta.dirname, "answers.ts");

/** A webhook as a process of this machine, with the rights of its ServiceAccount and no others. */
export interface Webhook {
  /** Where the API server is told to call. */
  url: string;
  port: number;
  pid: number;
  /** Whether the process runs. */
  alive(): boolean;
  /** Requests that arrived so far, by the process's own counter. */
  requests(): Promise<number>;
  /** The value of one of its metrics. */
  metric(name: string): Promise<number>;
  readyz(): Promise<{ status: number; text: string }>;
  ready(): Promise<void>;
  /** Its log so far, a line an event. */
  log(): Record<string, unknown>[];
  /**
   * Ends it, at once or as the kubelet does. Its exit code, null where a signal ended it. @throws where one of its
   * answers was not as the API server wants them.
   */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export interface WebhookOptions {
  name?: string;
  /** Serve at this URL's port and let the configurations name it; default: a free port of its own. */
  url?: string;
  port?: number;
  env?: Record<string, string>;
  /** Where it finds the API server; default: at its own address. */
  server?: string;
  /** Modules that are loaded before the program. */
  imports?: readonly string[];
  /** What node runs, with its own flags before it; default: the program from its source. */
  program?: readonly string[];
}

/** Starts a webhook; `ready` waits for it. */
export async function startWebhook(cluster: Cluster, options: WebhookOptions = {}): Promise<Webhook> {
  const [free = 0, health = 0] = await freePorts(2);
  const port = options.port ?? free;
  const url = options.url ?? `https://127.0.0.1:${String(port)}`;
  const name = options.name ?? "webhook";
  const logFile = join(cluster.lab.stateDir, `${name}-${String(port)}.log`);
  const fd = openSync(logFile, "a");
  const imports = [answers, ...(options.imports ?? [])].flatMap((each) => ["--import", each]);
  const child = spawn(process.execPath, options.program ?? [...imports, source], {
    stdio: ["ignore", fd, fd],
    env: {
      PATH: process.env["PATH"],
      KUBECONFIG: await kubeconfig(cluster, port, options.server),
      SCHEDGATE_POD_NAME: name,
      SCHEDGATE_PORT: String(port),
      SCHEDGATE_HEALTH_PORT: String(health),
      SCHEDGATE_URL: url,
      SCHEDGATE_DRAIN_SECONDS: "1",
      ...options.env,
    },
  });
  return handle(child, { url, port, health, logFile });
}

interface Place {
  url: string;
  port: number;
  health: number;
  logFile: string;
}

function handle(child: ChildProcess, { url, port, health, logFile }: Place): Webhook {
  const ask = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${String(health)}${path}`);
  const metrics = async (): Promise<string> => (await ask("/metrics")).text();
  const sum = (text: string, name: string): number =>
    text
      .split("\n")
      .filter((line) => line.startsWith(name))
      .reduce((total, line) => total + Number(line.split(" ").at(-1)), 0);
  const log = (): Record<string, unknown>[] =>
    readFileSync(logFile, "utf8")
      .split("\n")
      .filter((line) => line.startsWith("{") && line.endsWith("}"))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const alive = (): boolean => child.exitCode === null && child.signalCode === null;
  return {
    url,
    port,
    pid: child.pid ?? 0,
    alive,
    metric: async (name) => sum(await metrics(), name),
    requests: async () => sum(await metrics(), "schedgate_admission_requests_total"),
    readyz: async () => {
      const answer = await ask("/readyz");
      return { status: answer.status, text: (await answer.text()).trim() };
    },
    ready: () =>
      waitFor({ what: `ready webhook (${logFile})`, timeoutMs: 120_000, intervalMs: 50 }, async () => {
        if (!alive()) throw new Error(`the webhook ended: ${readFileSync(logFile, "utf8")}`);
        return (await ask("/readyz").catch(() => undefined))?.ok === true ? true : undefined;
      }).then(() => undefined),
    log,
    stop: async (signal = "SIGKILL") => {
      if (alive()) {
        const gone = once(child, "exit");
        child.kill(signal);
        await gone;
      }
      const { wrong } = checkedAnswers(log());
      if (wrong.length > 0)
        throw new Error(`answers that the API server would not take: ${wrong.join("; ")}`);
      return child.exitCode;
    },
  };
}

/** The admin's kubeconfig with a token of the webhook's ServiceAccount in place of the admin's certificate. */
async function kubeconfig({ lab }: Cluster, port: number, server?: string): Promise<string> {
  const path = join(lab.stateDir, `webhook-${String(port)}.kubeconfig`);
  const token = await must(lab, ["-n", "schedgate-system", "create", "token", "schedgate-webhook"]);
  await writeFile(path, await readFile(lab.kubeconfig), { mode: 0o600 });
  const config = ["config", "--kubeconfig", path];
  if (server !== undefined) await must(lab, [...config, "set-cluster", "lab", `--server=${server}`]);
  await must(lab, [...config, "set-credentials", "webhook", `--token=${token.trim()}`]);
  await must(lab, [...config, "set-context", "--current", "--user=webhook"]);
  return path;
}
