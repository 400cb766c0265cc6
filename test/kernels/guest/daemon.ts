import { type ChildProcess, spawn } from "node:child_process";
import { openSync, writeFileSync } from "node:fs";
import { becomes } from "./host.ts";
import { HOME } from "./container.ts";

const PORT = 8081;

/** Of a guest that has the clock of a machine that may be busy. */
const READY_MS = 300_000;

const KUBECONFIG = "/run/kubeconfig";
export const DAEMON_LOG = "/run/agent.log";

/** The bundled daemon as a process; its API server never answers. Resolves once it is ready. */
export async function startDaemon(): Promise<ChildProcess> {
  const nowhere = { name: "none", cluster: { server: "https://127.0.0.1:1" } };
  const context = { name: "none", context: { cluster: "none", user: "none" } };
  const users = [{ name: "none", user: {} }];
  const text = { "current-context": "none", clusters: [nowhere], contexts: [context], users };
  writeFileSync(KUBECONFIG, JSON.stringify(text));
  const env = { ...process.env, NODE_NAME: "guest", KUBECONFIG, SCHEDGATE_HEALTH_PORT: String(PORT) };
  const log = openSync(DAEMON_LOG, "a");
  const daemon = spawn(process.execPath, [`${HOME}/lib/agent.mjs`], { env, stdio: ["ignore", log, log] });
  let ready = false;
  const asking = setInterval(() => {
    fetch(`http://127.0.0.1:${PORT}/readyz`).then(
      ({ status }) => (ready = status === 200),
      () => undefined, // not listening yet
    );
  }, 200);
  await becomes("the daemon is ready", true, () => ready, READY_MS)
    .catch((error: unknown) => {
      daemon.kill("SIGKILL");
      throw error;
    })
    .finally(() => {
      clearInterval(asking);
    });
  return daemon;
}

/** SIGTERM, and waits for its end. */
export function endDaemon(daemon: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    daemon.once("exit", () => {
      resolve();
    });
    daemon.kill();
  });
}
