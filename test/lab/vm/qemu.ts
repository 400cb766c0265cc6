import { symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Processes } from "../processes.ts";
import { must } from "../exec.ts";

/** A fixed-size disk through which archives reach the guest; it is not part of a snapshot. */
export const EXCHANGE_BYTES = 1024 ** 3;

/** In the guest. */
const SHELL_PORT = 2222;
const PROXY_PORT = 8888;

/** Four CPUs, so that two can be isolated beside the kubelet's one; no KVM: the lab has to run inside a VM too. */
export const MACHINE = [
  ...["-M", "q35", "-accel", "tcg,thread=multi,tb-size=512", "-cpu", "qemu64", "-smp", "4", "-m", "3072"],
  ...["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"],
];

const KERNEL_LINE = [
  ...["console=ttyS0", "root=/dev/vda", "rw", "quiet", "loglevel=4", "net.ifnames=0", "mitigations=off"],
  ...["random.trust_cpu=on", "systemd.show_status=no", "systemd.unified_cgroup_hierarchy=1", "audit=0"],
  ...["tsc=reliable", "nowatchdog"],
].join(" ");

const RESTORE_LINK = "restore.mig";

export interface VmPorts {
  /** Of this machine's loopback, forwarded to the guest's root shell and CONNECT proxy. */
  shell: number;
  proxy: number;
}

export interface VmSpec {
  /** Gets the VM's disk, exchange disk, monitor socket and serial log. */
  directory: string;
  /** Directory with `vmlinuz` and `initrd.gz`. */
  image: string;
  /** The disk that this VM's own disk is a layer over, and its format. */
  backing: { file: string; format: "raw" | "qcow2" };
  ports: VmPorts;
  /** Directory with `memory.mig` to go on from, instead of booting. */
  restore?: string;
}

/** qemu's arguments for a VM whose files are in place. */
export function qemuArguments({ directory, image, ports, restore }: VmSpec): string[] {
  const { shell, proxy } = ports;
  const forwards = [
    `hostfwd=tcp:127.0.0.1:${shell}-10.0.2.15:${SHELL_PORT}`,
    `hostfwd=tcp:127.0.0.1:${proxy}-10.0.2.15:${PROXY_PORT}`,
  ];
  return [
    ...MACHINE,
    ...["-kernel", join(image, "vmlinuz"), "-initrd", join(image, "initrd.gz"), "-append", KERNEL_LINE],
    ...["-serial", `file:${join(directory, "serial.log")}`],
    ...["-drive", `file=${join(directory, "disk.qcow2")},if=virtio,format=qcow2,cache=unsafe`],
    ...["-drive", `file=${exchangeDisk(directory)},if=virtio,format=raw,cache=unsafe`],
    ...["-netdev", ["user,id=n", ...forwards].join(","), "-device", "virtio-net-pci,netdev=n,romfile="],
    ...["-device", "virtio-rng-pci", "-qmp", `unix:${monitorSocket(directory)},server=on,wait=off`],
    // A link in the working directory: no path to quote for the shell that qemu starts.
    ...(restore === undefined ? [] : ["-incoming", `exec:cat ${RESTORE_LINK}`]),
  ];
}

export function monitorSocket(directory: string): string {
  return join(directory, "monitor.sock");
}

export function exchangeDisk(directory: string): string {
  return join(directory, "exchange.raw");
}

/** Makes the VM's disks and starts qemu as the lab's process `vm`. */
export async function startVm(spec: VmSpec, processes: Processes): Promise<void> {
  const { directory, backing, restore } = spec;
  const disk = join(directory, "disk.qcow2");
  await must("qemu-img", ["create", "-q", "-f", "qcow2", "-b", backing.file, "-F", backing.format, disk]);
  await writeFile(exchangeDisk(directory), "");
  await must("truncate", ["-s", String(EXCHANGE_BYTES), exchangeDisk(directory)]);
  if (restore !== undefined) await symlink(join(restore, "memory.mig"), join(directory, RESTORE_LINK));
  await processes.start({
    name: "vm",
    command: "qemu-system-x86_64",
    args: qemuArguments(spec),
    cwd: directory,
  });
}
