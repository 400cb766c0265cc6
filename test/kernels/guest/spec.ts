import { dirname } from "node:path";

/** Who makes the containers and their cgroups. */
export interface Setting {
  runtime: "runc" | "crun";
  driver: "cgroupfs" | "systemd";
}

/** A container as a pod asks for it. */
export interface Wish {
  /** "" where the kernel has no cpusets. */
  cpus: string;
  asks: boolean;
  /** Part of the cgroup path; Guaranteed pods have none. */
  qos?: "burstable" | "besteffort";
  /** Another container of the same pod. */
  pod?: number;
}

/** `linux.cgroupsPath`, as a kubelet names it for a driver. */
export function cgroupsPath(driver: Setting["driver"], uid: string, id: string, qos: Wish["qos"]): string {
  if (driver === "cgroupfs")
    return ["", "kubepods", ...(qos === undefined ? [] : [qos]), `pod${uid}`, id].join("/");
  const slice = ["kubepods", ...(qos === undefined ? [] : [qos]), `pod${uid.replaceAll("-", "_")}`].join("-");
  return `${slice}.slice:cri-containerd:${id}`;
}

/** The bundle's config.json. */
export function config({ cpus, asks }: Wish, name: string, path: string): object {
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

/** The pod's own cgroup, below any hierarchy's root. */
export function podCgroup(driver: Setting["driver"], uid: string, qos: Wish["qos"]): string {
  const path = cgroupsPath(driver, uid, "id", qos);
  if (driver === "cgroupfs") return dirname(path).slice(1);
  const slices = path.split(":")[0]?.replace(".slice", "").split("-") ?? [];
  return slices.map((_, index) => `${slices.slice(0, index + 1).join("-")}.slice`).join("/");
}
