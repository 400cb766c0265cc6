import { mkdirSync, rmSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { removeCgroup } from "../../model/processes.ts";
import { type Container, HOME, PROGRAMS, containerOf } from "./container.ts";
import { type Host, run } from "./host.ts";
import { type Setting, type Wish, cgroupsPath, config, podCgroup } from "./spec.ts";
import { hierarchies, makeCpusets } from "./tree.ts";

const STATE = "/var/lib/kubelet/cpu_manager_state";
const BUNDLES = "/run/bundles";

/** Stands for the kubelet: pods below `kubepods`, and its record of exclusive CPUs. */
export class Pods {
  private readonly host: Host;
  private readonly setting: Setting;
  private readonly entries: Record<string, Record<string, string>> = {};
  private readonly containers: Container[] = [];

  constructor(host: Host, setting: Setting) {
    this.host = host;
    this.setting = setting;
  }

  /** Makes the top cgroup, as a kubelet does when it starts. */
  begin(): void {
    const { runtime, driver } = this.setting;
    mkdirSync(`${HOME}/etc`, { recursive: true });
    writeFileSync(`${HOME}/etc/launcher.conf`, `schedgate_runc=${PROGRAMS[runtime]}\n`);
    if (driver === "systemd") run("systemctl", "start", "kubepods.slice");
  }

  /** Everything that is left of the pods. */
  async end(): Promise<void> {
    for (const each of this.containers) {
      await each.kill();
      await each.delete();
    }
    if (this.setting.driver === "systemd") run("systemctl", "stop", "kubepods.slice");
    // On v1 systemd leaves alone the hierarchies that it does not manage.
    const top = this.setting.driver === "systemd" ? "kubepods.slice" : "kubepods";
    for (const hierarchy of hierarchies(this.host)) removeCgroup(join(hierarchy, top));
    rmSync(BUNDLES, { recursive: true, force: true });
  }

  /** A container with its bundle and, as far as a kubelet makes them, its pod's cgroups. */
  container(wish: Wish): Container {
    const { runtime, driver } = this.setting;
    const number = this.containers.length + 1;
    const id = `${runtime}-${driver}-${number}`;
    const uid = `5c4ed6a7-0000-4000-8000-${String(wish.pod ?? number).padStart(12, "0")}`;
    const name = wish.pod === undefined ? "main" : `main${number}`;
    if (wish.qos === undefined) this.entries[uid] = { ...this.entries[uid], [name]: wish.cpus };
    mkdirSync("/var/lib/kubelet", { recursive: true });
    writeFileSync(STATE, JSON.stringify({ policyName: "static", defaultCpuSet: "0", entries: this.entries }));
    // systemd does not manage cpusets on v1. There are none where the kernel has no such hierarchy.
    if (this.host.version === "v1" && wish.cpus !== "")
      makeCpusets(this.host.root, podCgroup(driver, uid, wish.qos));
    const bundle = join(BUNDLES, id);
    mkdirSync(bundle, { recursive: true });
    const container = containerOf(this.host, this.setting, id, bundle);
    writeFileSync(container.spec, JSON.stringify(config(wish, name, cgroupsPath(driver, uid, id, wish.qos))));
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
