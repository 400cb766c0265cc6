import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import type { Cluster } from "../apiserver/cluster.ts";
import { startWebhook } from "../apiserver/webhook.ts";
import type { Webhook } from "../apiserver/webhook.ts";
import { must } from "../lab/exec.ts";
import type { Service } from "./service.ts";

const root = join(import.meta.dirname, "../..");
const bundle = join(root, "dist/webhook.mjs");
const answers = join(root, "test/apiserver/answers.ts");

/** The kubelet needs about so long to see that a container ended, and to start it again. */
const RESTART_MS = 1_000;

interface Replica {
  name: string;
  webhook: Webhook;
}

export interface ReplicasOptions {
  cluster: Cluster;
  service: Service;
  /** Where the replicas find the API server. */
  server: string;
  drainSeconds: number;
}

/** Two replicas of the webhook behind one address, treated as their Deployment and the kubelet would. */
export class Replicas {
  readonly #options: ReplicasOptions;
  #all: Replica[] = [];
  #made = 0;

  constructor(options: ReplicasOptions) {
    this.#options = options;
  }

  get all(): readonly Webhook[] {
    return this.#all.map((each) => each.webhook);
  }

  /** Makes the program as it is in the image, and starts both. */
  async start(): Promise<void> {
    await must(process.execPath, [join(root, "tools/build.ts")]);
    this.#all = await Promise.all([this.#new(), this.#new()]);
    await this.ready();
  }

  /** Until both are ready and reached. @throws where one ended by itself. */
  async ready(): Promise<void> {
    for (const each of this.all) {
      await each.ready();
      await this.#options.service.reaches(each);
    }
  }

  /** A rolling update with maxSurge 1 and maxUnavailable 0: for each pod first a new one, then the old one's end, also by itself. */
  async roll(): Promise<void> {
    const ends: Promise<number | null>[] = [];
    for (const old of [...this.#all]) {
      const next = await this.#new();
      await next.webhook.ready();
      await this.#options.service.reaches(next.webhook);
      this.#all = [...this.#all.filter((each) => each !== old), next];
      // The kubelet sends its signal while kube-proxy learns of the end.
      this.#options.service.terminate(old.webhook);
      ends.push(old.webhook.stop("SIGTERM"));
    }
    const codes = await Promise.all(ends);
    if (codes.some((each) => each !== 0)) throw new Error(`replicas ended with ${codes.join(" and ")}`);
  }

  /** SIGKILL for these, by place. */
  async kill(...which: number[]): Promise<void> {
    await Promise.all(which.map(async (i) => this.#all[i]?.webhook.stop("SIGKILL")));
  }

  /** Starts those again that ended, each in its pod: under its name, at its address. */
  async restart(): Promise<void> {
    await sleep(RESTART_MS);
    this.#all = await Promise.all(this.#all.map((each) => this.#again(each)));
  }

  /** A signal for all. */
  signal(signal: NodeJS.Signals): void {
    for (const each of this.all) process.kill(each.pid, signal);
  }

  async stop(): Promise<void> {
    await Promise.all(this.all.map((each) => each.stop()));
  }

  async #again(replica: Replica): Promise<Replica> {
    const { name, webhook } = replica;
    return webhook.alive() ? replica : { name, webhook: await this.#launch(name, webhook.port) };
  }

  async #new(): Promise<Replica> {
    const name = `webhook-${(this.#made += 1)}`;
    return { name, webhook: await this.#launch(name) };
  }

  async #launch(name: string, port?: number): Promise<Webhook> {
    const { cluster, service, server, drainSeconds } = this.#options;
    const env = {
      SCHEDGATE_URL: service.url,
      SCHEDGATE_DRAIN_SECONDS: String(drainSeconds),
      SCHEDGATE_LEAF_MINUTES: "31", // the least: renewed each 40 s
    };
    const program = ["--import", answers, bundle];
    const webhook = await startWebhook(cluster, {
      name,
      server,
      env,
      program,
      ...(port !== undefined && { port }),
    });
    service.add(webhook);
    return webhook;
  }
}
