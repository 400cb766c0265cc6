import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { run } from "./host.ts";
import { LAUNCHER } from "./container.ts";
import type { Setting } from "./spec.ts";

const DIR = "/run/runtime";
const SOCKET = `${DIR}/containerd.sock`;
const UNIT = "runtime.service";
const CONFIG = `version = 2
root = "${DIR}/root"
state = "${DIR}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "${SOCKET}"
`;

/** Debian's containerd as a service, with the launcher in place of runc. */
export interface Containerd {
  /** Creates and starts a container of this config.json. Returns its pid. */
  start(id: string, spec: string): number;
  /** As an admin does it; containers and their shims live on. */
  restart(): void;
  /** SIGKILL to the container, and its deletion. */
  end(id: string): void;
  /** With all its shims. */
  stop(): void;
}

/** Starts it, and waits until it says that it is ready. */
export function startContainerd({ driver }: Setting): Containerd {
  mkdirSync(DIR, { recursive: true });
  writeFileSync(`${DIR}/config.toml`, CONFIG);
  // As containerd.service has them, without a whole multi-user boot before it.
  const properties = ["KillMode=process", "Delegate=yes", "Type=notify", "DefaultDependencies=no"];
  const options = properties.map((each) => `--property=${each}`);
  run(
    "systemd-run",
    "-q",
    "--collect",
    `--unit=${UNIT}`,
    ...options,
    "/usr/bin/containerd",
    "-c",
    `${DIR}/config.toml`,
  );
  const ctr = (...args: string[]): string => run("ctr", "--address", SOCKET, ...args);
  return {
    start: (id, spec) => {
      const { linux } = JSON.parse(readFileSync(spec, "utf8")) as { linux: { cgroupsPath: string } };
      // ctr takes the one only with the other.
      const cgroup = driver === "systemd" ? ["--runc-systemd-cgroup", "--cgroup", linux.cgroupsPath] : [];
      ctr("run", "--detach", "--null-io", "--runc-binary", LAUNCHER, ...cgroup, "--config", spec, id);
      return Number(
        readFileSync(`${DIR}/state/io.containerd.runtime.v2.task/default/${id}/init.pid`, "utf8"),
      );
    },
    restart: () => {
      run("systemctl", "restart", UNIT);
    },
    end: (id) => {
      ctr("task", "delete", "--force", id);
      ctr("container", "delete", id);
    },
    stop: () => {
      run("systemctl", "kill", "--kill-whom=all", "--signal=KILL", UNIT);
      spawnSync("systemctl", ["stop", UNIT]); // waits; fails where systemd has forgotten the unit already
    },
  };
}
