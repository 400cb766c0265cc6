import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePorts } from "../ports.ts";
import { openProcesses } from "../processes.ts";
import type { Lab } from "../types.ts";
import { waitFor } from "../wait.ts";
import { must } from "./must.ts";

const webhook = join(import.meta.dirname, "../../../webhook/main.ts");

/** Runs the webhook as a process of this machine, with the rights of its own ServiceAccount, and waits until it is ready. */
export async function startLocalWebhook(lab: Lab, name = "webhook"): Promise<void> {
  const [port = 0, health = 0] = await freePorts(2);
  await openProcesses(lab.stateDir).start({
    name,
    command: process.execPath,
    args: [webhook],
    env: {
      KUBECONFIG: await webhookKubeconfig(lab),
      SCHEDGATE_NAMESPACE: "schedgate-system",
      SCHEDGATE_POD_NAME: name,
      SCHEDGATE_PORT: String(port),
      SCHEDGATE_HEALTH_PORT: String(health),
      SCHEDGATE_URL: `https://127.0.0.1:${port}`,
    },
  });
  await waitFor(
    { what: `ready webhook (see ${lab.stateDir}/log/${name}.log)`, timeoutMs: 60_000 },
    async () => {
      const answer = await fetch(`http://127.0.0.1:${health}/readyz`).catch(() => undefined); // not listening yet
      return answer?.ok === true ? true : undefined;
    },
  );
}

/** The admin's kubeconfig with the webhook's token in place of the admin's certificate. */
async function webhookKubeconfig(lab: Lab): Promise<string> {
  const create = ["-n", "schedgate-system", "create", "token", "schedgate-webhook", "--duration=24h"];
  const token = (await must(lab, create)).trim();
  const path = join(lab.stateDir, "webhook.kubeconfig");
  await writeFile(path, await readFile(lab.kubeconfig), { mode: 0o600 });
  const kubectl = ["config", "--kubeconfig", path];
  await must(lab, [...kubectl, "set-credentials", "schedgate-webhook", `--token=${token}`]);
  await must(lab, [...kubectl, "set-context", "--current", "--user=schedgate-webhook"]);
  return path;
}
