import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Host, becomes, run } from "./host.ts";

/** Who makes the containers and their cgroups. */
export interface Setting {
  runtime: "runc" | "crun";
  driver: "cgroupfs" | "systemd";
}

export const HOME = "/opt/schedgate";
const LAUNCHER = `${HOME}/bin/launcher.sh`;
const STATE = "/var/lib/kubelet/cpu_manager_state";
const BUNDLES = "/run/bundles";

/** A container as a kubelet and a runtime make it. */
export interface Container {
  id: string;
  /** Its own cgroup, where its process sits, below any hierarchy's root. */
  cgroup(): string;
  pid(): number;
  create(): void;
  /** What the launcher answers. */
  start(): SpawnSyncReturns<string>;
  /** SIGKILL, and waits for the end of its process; no delete. */
  kill(): Promise<void>;
  /** The runtime's delete. */
  delete(): Promise<void>;
  /** `update --cpuset-cpus`, as the kubelet's CPU manager does for the shared pool. */
  update(cpus: string): void;
  /** The last line of the log that a shim reads. */
  logged(): string;
}

export interface Wish {
  /** "" where the kernel has no cpusets. */
  cpus: string;
  asks: boolean;
  /** Part of the cgroup path; Guaranteed pods have none. */
  qos?: "burstable" | "besteffort";
  /** Another container of the same pod. */
  pod?: number;
}

/** Stands for the kubelet: pods below `kubepods`, and its record of exclusive CPUs. */
export class Pods {
  private readonly host: Host;
  private readonly setting: Setting;
  private readonly entries: Record<string, Record<string, string>> = {};
  private made = 0;
  readonly containers: Container[] = [];

  constructor(host: Host, setting: Setting) {
    this.host = host;
    this.setting = setting;
  }

  /** Makes the top cgroup, as a kubelet does when it starts. */
  begin(): void {
    const { runtime, driver } = this.setting;
    mkdirSync(`${HOME}/etc`, { recursive: true });
    writeFileSync(
      `${HOME}/etc/launcher.conf`,
      `schedgate_runc=/usr/${runtime === "runc" ? "sbin" : "bin"}/${runtime}\n`,
    );
    if (driver === "systemd") run("systemctl", "start", "kubepods.slice");
  }

  /** Everything that is left of the pods. */
  async end(): Promise<void> {
    for (const each of this.containers) {
      await each.kill();
      await each.delete();
    }
    if (this.setting.driver === "systemd") {
      run("systemctl", "stop", "kubepods.slice");
    }
    // On v1 systemd leaves alone the hierarchies that it does not manage.
    const top = this.setting.driver === "systemd" ? "kubepods.slice" : "kubepods";
    for (const hierarchy of hierarchies(this.host)) removeTree(`${hierarchy}/${top}`);
    rmSync(BUNDLES, { recursive: true, force: true });
  }

  container(wish: Wish): Container {
    this.made += 1;
    const { runtime, driver } = this.setting;
    const id = `${runtime}-${driver}-${this.made}`;
    const uid = `5c4ed6a7-0000-4000-8000-${String(wish.pod ?? this.made).padStart(12, "0")}`;
    const bundle = join(BUNDLES, id);
    mkdirSync(bundle, { recursive: true });
    const name = wish.pod === undefined ? "main" : `main${this.made}`;
    if (wish.qos === undefined) this.entries[uid] = { ...this.entries[uid], [name]: wish.cpus };
    mkdirSync("/var/lib/kubelet", { recursive: true });
    writeFileSync(STATE, JSON.stringify({ policyName: "static", defaultCpuSet: "0", entries: this.entries }));
    writeFileSync(
      join(bundle, "config.json"),
      JSON.stringify(config(wish, name, cgroupsPath(driver, uid, id, wish.qos))),
    );
    const flags = driver === "systemd" ? ["--systemd-cgroup"] : [];
    const log = join(bundle, "log.json");
    const options = [...flags, "--root", `/run/${runtime}-state`, "--log", log, "--log-format", "json"];
    const call = (...args: string[]): SpawnSyncReturns<string> =>
      spawnSync(LAUNCHER, [...options, ...args], {
        encoding: "utf8",
        stdio: ["ignore", "ignore", "pipe"],
        timeout: 60_000,
      });
    const must = (...args: string[]): void => {
      const { status, stderr } = call(...args);
      if (status !== 0) throw new Error(`${args.join(" ")}: exit code ${status} ${stderr} ${logged(log)}`);
    };
    const pid = (): number => Number(readFileSync(join(bundle, "pid"), "utf8"));
    let deleted = false;
    const container: Container = {
      id,
      pid,
      cgroup: () => cgroupOf(this.host, pid()),
      // A container keeps the stdio of its create, and a pipe of ours would never end.
      create: () => {
        const created = spawnSync(
          LAUNCHER,
          [...options, "create", "--bundle", bundle, "--pid-file", join(bundle, "pid"), id],
          { stdio: "ignore", timeout: 60_000 },
        );
        if (created.status !== 0) throw new Error(`create ${id}: exit code ${created.status} ${logged(log)}`);
      },
      start: () => call("start", id),
      kill: async () => {
        if (deleted || !existsSync(join(bundle, "pid"))) return;
        spawnSync("kill", ["-9", String(pid())]);
        await becomes(`end of ${id}`, true, () => hasEnded(pid()));
      },
      delete: async () => {
        if (deleted || !existsSync(join(bundle, "pid"))) return;
        for (let attempt = 1; ; attempt += 1) {
          const { status, stderr } = call("delete", id);
          if (status === 0) break;
          if (attempt === 20) throw new Error(`delete ${id}: ${stderr} ${logged(log)}`);
          await sleep(100);
        }
        deleted = true;
        rmSync(bundle, { recursive: true });
      },
      update: (cpus) => {
        must("update", "--cpuset-cpus", cpus, id);
      },
      logged: () => logged(log),
    };
    this.containers.push(container);
    return container;
  }
}

/** A pod without a cpuset of its own: what it has are cgroups whose parent gives no cpuset files. Returns its end. */
export function podWithoutCpuset(host: Host, { driver }: Setting): () => void {
  if (driver === "systemd") {
    const slice = "kubepods-burstable-podwithout.slice";
    run("systemd-run", "--quiet", "--unit=without.service", `--slice=${slice}`, "sleep", "1000");
    return () => {
      run("systemctl", "stop", "without.service");
    };
  }
  const dir = join(host.root, "kubepods/burstable/podwithout");
  mkdirSync(dir, { recursive: true });
  return () => {
    rmdirSync(dir);
  };
}

function cgroupsPath(driver: Setting["driver"], uid: string, id: string, qos: Wish["qos"]): string {
  if (driver === "cgroupfs")
    return ["", "kubepods", ...(qos === undefined ? [] : [qos]), `pod${uid}`, id].join("/");
  const slice = ["kubepods", ...(qos === undefined ? [] : [qos]), `pod${uid.replaceAll("-", "_")}`].join("-");
  return `${slice}.slice:cri-containerd:${id}`;
}

function config({ cpus, asks }: Wish, name: string, path: string): object {
  return {
    ociVersion: "1.0.2",
    process: { user: { uid: 0, gid: 0 }, args: ["/bin/busybox", "sleep", "1000"], cwd: "/" },
    root: { path: "/srv/rootfs", readonly: true },
    mounts: [{ destination: "/proc", type: "proc", source: "proc" }],
    annotations: {
      "io.kubernetes.cri.container-type": "container",
      "io.kubernetes.cri.container-name": name,
      "io.kubernetes.cri.sandbox-name": "pod",
      "io.kubernetes.cri.sandbox-namespace": "test",
      ...(asks ? { "schedgate.dev/cpu-isolation": "enabled", "schedgate.dev/grant": "team" } : {}),
    },
    linux: {
      cgroupsPath: path,
      resources: { cpu: { shares: 1024, ...(cpus === "" ? {} : { cpus }) } },
      namespaces: ["pid", "ipc", "uts", "mount"].map((type) => ({ type })),
    },
  };
}

function cgroupOf({ version }: Host, pid: number): string {
  const lines = readFileSync(`/proc/${pid}/cgroup`, "utf8").split("\n");
  const line = lines.find((each) => (version === "v2" ? each.startsWith("0::") : each.includes(":cpuset:")));
  return (line ?? "").split(":").slice(2).join(":").slice(1);
}

function hasEnded(pid: number): boolean {
  const stat = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, "utf8") : "0 (x) X";
  return /\) [XZ]/.test(stat);
}

function logged(log: string): string {
  return existsSync(log) ? (readFileSync(log, "utf8").trim().split("\n").at(-1) ?? "") : "";
}

function hierarchies({ version, root }: Host): string[] {
  if (version === "v2") return [root];
  const names = [
    "blkio",
    "cpu,cpuacct",
    "cpuset",
    "devices",
    "freezer",
    "hugetlb",
    "memory",
    "net_cls,net_prio",
  ];
  return [...names, "perf_event", "pids", "rdma", "misc", "systemd", "unified"].map(
    (name) => `/sys/fs/cgroup/${name}`,
  );
}

function removeTree(dir: string): void {
  if (!existsSync(dir)) return;
  for (const inner of readdirSync(dir, { withFileTypes: true })) {
    if (inner.isDirectory()) removeTree(join(dir, inner.name));
  }
  rmdirSync(dir);
}
