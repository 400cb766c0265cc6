import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Home, companionEnv } from "./home.ts";

const main = join(import.meta.dirname, "../../node-agent/daemon/main.ts");

/** The daemon as a process. Its API server does not answer: isolation must not need it. `more`: of its environment. */
export function startDaemon(home: Home, port: number, more: NodeJS.ProcessEnv = {}): ChildProcess {
  const kubeconfig = join(home.dir, "kubeconfig");
  const cluster = { name: "none", cluster: { server: "https://127.0.0.1:1" } };
  const context = { name: "none", context: { cluster: "none", user: "none" } };
  const users = [{ name: "none", user: {} }];
  writeFileSync(
    kubeconfig,
    JSON.stringify({ "current-context": "none", clusters: [cluster], contexts: [context], users }),
  );
  const env = {
    ...companionEnv(home),
    NODE_NAME: "here",
    KUBECONFIG: kubeconfig,
    SCHEDGATE_HEALTH_PORT: String(port),
    ...more,
  };
  return spawn(process.execPath, [main], { env, stdio: "ignore" });
}
