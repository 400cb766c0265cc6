import { fork } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { SchedgateError } from "../../../../common/errors.ts";
import type { Job, Outcome, Target } from "./generate.ts";
import type { Answer } from "./main.ts";

/** The load generator: a process of its own, warm from one job to the next. */
export interface Load {
  /** @throws SchedgateError E_LOAD where a connection broke or, unless `mayFail`, a request was not answered by 201. */
  run(job: Job, mayFail?: boolean): Promise<Outcome>;
  stop(): void;
}

/** Starts a generator that calls as the user of a kubeconfig with everything inside, as the lab writes it. */
export async function startLoad(kubeconfig: string): Promise<Load> {
  const target = JSON.stringify(targetOf(await readFile(kubeconfig, "utf8")));
  const child = fork(join(import.meta.dirname, "main.ts"), [target]);
  const ended = once(child, "exit").then(() => {
    throw new SchedgateError("E_LOAD", "the load generator ended");
  });
  ended.catch(() => undefined); // its end between jobs is seen by the next one
  return {
    run: async (job, mayFail = false) => {
      const answers = once(child, "message") as Promise<[Answer]>;
      child.send(job);
      const [answer] = await Promise.race([answers, ended]);
      if ("error" in answer) throw new SchedgateError("E_LOAD", answer.error);
      const { outcome } = answer;
      if (outcome.refused > 0 && !mayFail)
        throw new SchedgateError(
          "E_LOAD",
          `${outcome.refused} of ${outcome.requests} requests failed: ${outcome.refusal}`,
        );
      return outcome;
    },
    stop: () => {
      child.kill();
    },
  };
}

interface Kubeconfig {
  clusters: { cluster: { server: string; "certificate-authority-data": string } }[];
  users: { user: { "client-certificate-data": string; "client-key-data": string } }[];
}

function targetOf(text: string): Target {
  const { clusters, users } = JSON.parse(text) as Kubeconfig;
  const [cluster, user] = [clusters[0]?.cluster, users[0]?.user];
  if (cluster === undefined || user === undefined)
    throw new SchedgateError("E_KUBECONFIG", "the lab's kubeconfig names no cluster or user");
  const { hostname, port } = new URL(cluster.server);
  const pem = (base64: string): string => Buffer.from(base64, "base64").toString("utf8");
  return {
    host: hostname,
    port: Number(port),
    ca: pem(cluster["certificate-authority-data"]),
    cert: pem(user["client-certificate-data"]),
    key: pem(user["client-key-data"]),
  };
}
