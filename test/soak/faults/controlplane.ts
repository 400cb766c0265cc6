import { pauseProcess, restartApiServer } from "../../lab/restart.ts";
import type { Fault } from "./fault.ts";

/** Longer than the webhooks' time limit (5 s). */
const PAUSE_MS = 8_000;

export const apiServerRestart: Fault = {
  name: "apiserver",
  title: "the API server restarted",
  times: 3,
  run: ({ cluster }) => restartApiServer(cluster.lab),
};

export const etcdPause: Fault = {
  name: "etcd",
  title: `etcd halted (SIGSTOP) for ${PAUSE_MS / 1000} s`,
  times: 2,
  run: ({ cluster }) => pauseProcess(cluster.lab, "etcd", PAUSE_MS),
};
