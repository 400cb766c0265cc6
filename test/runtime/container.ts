import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Output, exec } from "../lab/exec.ts";
import type { Home } from "./home.ts";

/** A container as a kubelet would have it made: its bundle, and the kubelet's record of its CPUs. */
export interface ContainerSpec {
  id: string;
  /** CPU list, both in the bundle and in the kubelet's record. */
  cpus: string;
  /** Value of the pod's annotation; undefined: the bundle mentions nothing of ours. */
  ask?: string;
  /** More annotations of the bundle, in place of the grant that one that asks has. */
  annotations?: Record<string, string>;
  args?: string[];
  hooks?: object;
}

/** Top cgroup of all test containers. */
export const PARENT = `schedgate-runtime-${process.pid}`;
const UID = "5c4ed6a7-0000-4000-8000-00000000000";

let pods = 0;

/** A container that a test drives through the launcher. */
export interface TestContainer {
  id: string;
  bundle: string;
  /** Its cgroup below any hierarchy's root. */
  cgroup: string;
  run(...args: string[]): Promise<Output>;
  create(): Promise<Output>;
  start(): Promise<Output>;
  remove(): Promise<Output>;
  pid(): number;
}

/** Writes bundle and record; nothing is created yet. `launcher` false: the low-level runtime is called directly. */
export function container(home: Home, spec: ContainerSpec, launcher = true): TestContainer {
  pods += 1;
  const uid = `${UID}${pods}`.slice(-36).padStart(36, "5");
  const bundle = join(home.dir, "bundles", spec.id);
  const cgroup = `${PARENT}/pod${uid}/${spec.id}`;
  mkdirSync(join(bundle, "rootfs"), { recursive: true });
  writeFileSync(join(bundle, "config.json"), JSON.stringify(config(spec, bundle, cgroup)));
  recordCpus(home, uid, spec.cpus);
  const run = (...args: string[]): Promise<Output> => {
    const runtime = launcher ? home.launcher : home.runc;
    return exec(runtime, [
      "--root",
      join(home.dir, "state"),
      "--log",
      join(bundle, "log.json"),
      "--log-format",
      "json",
      ...args,
    ]);
  };
  // A container keeps the stdio of its create: files, since a pipe would never end.
  const quietly = (...args: string[]): Promise<Output> =>
    exec(
      "/bin/sh",
      [
        "-c",
        'exec "$0" "$@" </dev/null >"$OUT" 2>&1',
        launcher ? home.launcher : home.runc,
        "--root",
        join(home.dir, "state"),
        ...args,
      ],
      {
        env: { ...process.env, OUT: join(bundle, "out") },
      },
    );
  return {
    id: spec.id,
    bundle,
    cgroup,
    run,
    create: () => quietly("create", "--bundle", bundle, "--pid-file", join(bundle, "init.pid"), spec.id),
    start: () => run("start", spec.id),
    remove: async () => {
      await run("kill", spec.id, "9");
      // runc refuses to delete until the killed process is gone.
      for (let attempt = 0; ; attempt += 1) {
        const ended = await run("delete", spec.id);
        if (ended.code === 0 || attempt === 50) return ended;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    pid: () => Number(readFileSync(join(bundle, "init.pid"), "utf8")),
  };
}

/** Writes into what stands for the kubelet's record that the container `main` of this pod has these CPUs. */
export function recordCpus(home: Home, uid: string, cpus: string): void {
  const known = existsSync(home.kubeletState)
    ? (JSON.parse(readFileSync(home.kubeletState, "utf8")) as { entries: object })
    : { entries: {} };
  const entries = { ...known.entries, [uid]: { main: cpus } };
  writeFileSync(
    home.kubeletState,
    JSON.stringify({ policyName: "static", defaultCpuSet: "0", entries, checksum: 1 }),
  );
}

function config(spec: ContainerSpec, bundle: string, cgroup: string): object {
  const host = ["/bin", "/lib", "/lib64", "/usr"].filter((dir) => existsSync(dir));
  const bind = (dir: string): object => ({
    destination: dir,
    type: "bind",
    source: dir,
    options: ["rbind", "ro"],
  });
  const capabilities = ["CAP_KILL", "CAP_AUDIT_WRITE"];
  return {
    ociVersion: "1.0.2",
    process: {
      user: { uid: 0, gid: 0 },
      args: spec.args ?? ["sleep", "1000"],
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
      cwd: "/",
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
    },
    root: { path: join(bundle, "rootfs"), readonly: false },
    hostname: "test",
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      {
        destination: "/dev",
        type: "tmpfs",
        source: "tmpfs",
        options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
      },
      ...host.map(bind),
    ],
    annotations: {
      "io.kubernetes.cri.container-type": "container",
      "io.kubernetes.cri.container-name": "main",
      "io.kubernetes.cri.sandbox-name": spec.id,
      "io.kubernetes.cri.sandbox-namespace": "test",
      ...(spec.ask === undefined ? {} : { "schedgate.dev/cpu-isolation": spec.ask }),
      ...(spec.annotations ?? (spec.ask === undefined ? {} : { "schedgate.dev/grant": "test" })),
    },
    ...(spec.hooks === undefined ? {} : { hooks: spec.hooks }),
    linux: {
      cgroupsPath: `/${cgroup}`,
      resources: { cpu: { shares: 1024, cpus: spec.cpus } },
      namespaces: ["pid", "ipc", "uts", "mount"].map((type) => ({ type })),
    },
  };
}
