import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { type Server, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type HostFs, nodeHostFs } from "../../node-agent/host/host-fs.ts";
import type { Spawn } from "../../node-agent/host/spawn.ts";
import { installConfig } from "../../node-agent/install/config.ts";
import type { Host } from "../../node-agent/install/host.ts";
import type { Image } from "../../node-agent/install/programs.ts";
import { silentLogger } from "../../common/log.ts";

export const CONFIG = "/etc/containerd/config.toml";

const DEFAULT = `[plugins."io.containerd.grpc.v1.cri".containerd]
default_runtime_name = "runc"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
`;

/** A host's files with a containerd that is only what the installer sees of one. */
export interface InstallWorld {
  root: string;
  image: Image;
  /** The installer's host; `files` may be another view of the same files. */
  host(files?: HostFs): Host;
  /** A containerd that cannot read our block, or does not come back with it. */
  flaw: "unreadable" | "does not start" | undefined;
  /** The configuration that the running process has read. */
  running(): string;
  text(path: string): string | undefined;
  /** Every file below a directory of the host. */
  filesBelow(dir: string): string[];
  close(): Promise<void>;
}

/** Makes one whose config.toml has this text. */
export async function installWorld(config: string): Promise<InstallWorld> {
  const root = mkdtempSync(join(tmpdir(), "schedgate-install-"));
  const put = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const text = (path: string): string | undefined => {
    try {
      return readFileSync(join(root, path), "utf8");
    } catch {
      return undefined;
    }
  };
  put(CONFIG, config);
  put("/usr/sbin/runc", "");
  for (const name of [
    "companion.mjs",
    "node.mjs",
    "launcher.sh",
    "hook.sh",
    "schedgate-node.sh",
    "settings.sh",
    "asking.sh",
    "node",
  ])
    put(`/app/${name}`, name);
  const listening = "0: 00000002 00000000 00010000 0001 01 7 /run/containerd/containerd.sock\n";
  put("/proc/1/net/unix", listening);
  let pid = 41;
  let loaded = config;
  const ours = (): boolean => (text(CONFIG) ?? "").includes("schedgate");
  const boot = (): void => {
    rmSync(join(root, `proc/${pid}`), { recursive: true, force: true });
    pid += 1;
    loaded = text(CONFIG) ?? "";
    put(`/proc/${pid}/stat`, `${pid} (containerd) S ${"0 ".repeat(18)}${pid}`);
    mkdirSync(join(root, `proc/${pid}/fd`));
    symlinkSync("socket:[7]", join(root, `proc/${pid}/fd/3`));
    symlinkSync("/usr/bin/containerd", join(root, `proc/${pid}/exe`));
  };
  boot();
  mkdirSync(join(root, "run/containerd"), { recursive: true });
  const server = await listen(join(root, "run/containerd/containerd.sock"));
  let now = 0;
  const world: InstallWorld = {
    root,
    flaw: undefined,
    image: { app: "/app", node: join(root, "app/node"), libraries: [] },
    host: (files = nodeHostFs(root)) => ({
      config: { ...installConfig({ SCHEDGATE_RUNTIME: "containerd" }), hostRoot: root },
      files,
      own: nodeHostFs(root),
      spawn,
      clock: {
        now: () => new Date(now),
        sleep: (ms) => {
          now += ms;
          return Promise.resolve();
        },
      },
      log: silentLogger,
    }),
    running: () => loaded,
    text,
    filesBelow: (dir) => {
      const entries = readdirSync(join(root, dir), { recursive: true, withFileTypes: true });
      return entries
        .filter((entry) => !entry.isDirectory())
        .map((entry) => join(entry.parentPath, entry.name));
    },
    close: async () => {
      await new Promise((resolve) => server.close(resolve));
      rmSync(root, { recursive: true });
    },
  };
  const spawn: Spawn = (_, args) => {
    if (args.includes("restart") && !(world.flaw === "does not start" && ours())) boot();
    if (args.includes("dump") && world.flaw === "unreadable" && ours())
      return Promise.resolve({ code: 1, stdout: "", stderr: "cannot read it" });
    const stdout = args.includes("dump") ? `${text(CONFIG) ?? ""}\n${DEFAULT}` : "";
    return Promise.resolve({ code: 0, stdout, stderr: "" });
  };
  return world;
}

function listen(path: string): Promise<Server> {
  const server = createServer((socket) => socket.end());
  return new Promise((resolve) =>
    server.listen(path, () => {
      resolve(server);
    }),
  );
}
