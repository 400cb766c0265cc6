import { equal } from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type Container, cgroupOf } from "./container.ts";
import { startContainerd } from "./containerd.ts";
import { type Host, type Version, becomes, run } from "./host.ts";
import { type Pods, podWithoutCpuset } from "./pods.ts";
import type { Setting } from "./spec.ts";

/** What a scenario plays on. Everything is given back after it, and that is checked for each. */
interface Stage {
  host: Host;
  setting: Setting;
  pods: Pods;
}

/** One thing that must hold on a kernel with one runtime and one driver. */
export interface Scenario {
  name: string;
  /** Whether the daemon has to run: what no call of a runtime announces, only it mends. */
  daemon: boolean;
  /** Played with every runtime and driver; the others with one each. */
  everywhere?: true;
  on?: (version: Version, setting: Setting) => boolean;
  play: (stage: Stage) => Promise<void>;
}

/** In this order; the daemon runs from the first that needs it. */
export const scenarios: readonly Scenario[] = [
  {
    name: "isolates a container's CPUs before it runs, and gives them back",
    daemon: false,
    everywhere: true,
    play: async (stage) => {
      const one = stage.pods.container({ cpus: "1-2", asks: true });
      one.create();
      equal(stage.host.isolated(), "");
      begin(one);
      expectIsolated(stage, [one], "1-2");
      await over(one);
      await isolatedBecomes(stage, "");
    },
  },
  {
    name: "runs an exec in the isolated container on its CPUs",
    daemon: false,
    play: async (stage) => {
      const one = stage.pods.container({ cpus: "1-2", asks: true });
      one.create();
      begin(one);
      const status = one.exec("/bin/busybox", "cat", "/proc/self/status");
      equal(/^Cpus_allowed_list:\s*(.*)$/m.exec(status)?.[1], "1-2");
      expectIsolated(stage, [one], "1-2");
      await over(one);
    },
  },
  {
    name: "isolates two containers at once, of two pods and of one, and each ends on its own",
    daemon: false,
    play: async (stage) => {
      const { pods } = stage;
      const one = pods.container({ cpus: "1", asks: true, pod: 901 });
      const two = pods.container({ cpus: "2", asks: true, pod: 901 });
      for (const each of [one, two]) {
        each.create();
        begin(each);
      }
      expectIsolated(stage, [one, two], "1-2");
      await over(one);
      await isolatedBecomes(stage, "2");
      const three = pods.container({ cpus: "3", asks: true });
      three.create();
      begin(three);
      expectIsolated(stage, [two, three], "2-3");
      await over(two);
      await isolatedBecomes(stage, "3");
      expectIsolated(stage, [three], "3");
    },
  },
  {
    name: "isolates the same CPUs again when a container restarts",
    daemon: false,
    play: async (stage) => {
      for (let start = 1; start <= 2; start += 1) {
        const one = stage.pods.container({ cpus: "1-2", asks: true, pod: 902 });
        one.create();
        begin(one);
        expectIsolated(stage, [one], "1-2");
        await over(one);
      }
    },
  },
  {
    name: "keeps the CPUs isolated for their next owner when the old one is deleted late",
    daemon: false,
    play: async (stage) => {
      const old = stage.pods.container({ cpus: "1-2", asks: true });
      old.create();
      begin(old);
      await old.kill();
      const young = stage.pods.container({ cpus: "2-3", asks: true });
      young.create();
      begin(young);
      expectIsolated(stage, [young], "2-3");
      await old.delete();
      await settled();
      expectIsolated(stage, [young], "2-3");
    },
  },
  {
    name: "keeps them isolated while containers of the shared pool come, change and go",
    daemon: true,
    play: async (stage) => {
      const early = stage.pods.container({ cpus: "0-3", asks: false, qos: "burstable" });
      early.create();
      equal(early.start().status, 0);
      const one = stage.pods.container({ cpus: "1-2", asks: true });
      one.create();
      begin(one);
      expectIsolated(stage, [one], "1-2");
      early.update("0,3");
      const late = stage.pods.container({ cpus: "0,3", asks: false, qos: "besteffort" });
      late.create();
      equal(late.start().status, 0);
      await isolatedBecomes(stage, "1-2");
      await over(late);
      await over(early);
      await isolatedBecomes(stage, "1-2");
      expectIsolated(stage, [one], "1-2");
    },
  },
  {
    name: "keeps them isolated while QoS slices without cpuset files come and go",
    daemon: true,
    on: (version) => version === "v2",
    play: async (stage) => {
      const one = stage.pods.container({ cpus: "1-2", asks: true });
      one.create();
      begin(one);
      const end = podWithoutCpuset(stage.host, stage.setting);
      await settled();
      expectIsolated(stage, [one], "1-2");
      end();
      await settled();
      expectIsolated(stage, [one], "1-2");
    },
  },
  {
    name: "stays isolated when a kubelet that was restarted writes the same CPUs again",
    daemon: true,
    play: async (stage) => {
      const one = stage.pods.container({ cpus: "1-2", asks: true });
      one.create();
      begin(one);
      one.update("1-2");
      await settled();
      expectIsolated(stage, [one], "1-2");
    },
  },
  {
    name: "stays isolated while containerd restarts, and containerd gives them back after it",
    daemon: true,
    play: async ({ host, setting, pods }) => {
      const containerd = startContainerd(setting);
      try {
        const { id, spec } = pods.container({ cpus: "1-2", asks: true });
        const pid = containerd.start(id, spec);
        const one = { cgroup: () => cgroupOf(host, pid) };
        expectIsolated({ host }, [one], "1-2");
        containerd.restart();
        await settled();
        expectIsolated({ host }, [one], "1-2");
        containerd.end(id);
        await isolatedBecomes({ host }, "");
      } finally {
        containerd.stop();
      }
    },
  },
  {
    name: "isolates them again when an isolated CPU or another one was offline",
    daemon: true,
    play: async (stage) => {
      const two = stage.pods.container({ cpus: "1-2", asks: true });
      two.create();
      begin(two);
      await offline(2, () => isolatedBecomes(stage, "1"));
      await isolatedBecomes(stage, "1-2");
      await over(two);
      const one = stage.pods.container({ cpus: "1", asks: true });
      one.create();
      begin(one);
      await offline(3, () => isolatedBecomes(stage, "1"));
      await isolatedBecomes(stage, "1");
      await offline(1, () => isolatedBecomes(stage, ""));
      await isolatedBecomes(stage, "1");
    },
  },
  {
    name: "stays isolated through a daemon-reload of systemd",
    daemon: true,
    everywhere: true,
    on: (_, { driver }) => driver === "systemd",
    play: async (stage) => {
      const one = stage.pods.container({ cpus: "1-2", asks: true });
      one.create();
      begin(one);
      run("systemctl", "daemon-reload");
      await settled();
      expectIsolated(stage, [one], "1-2");
    },
  },
];

function begin(container: Container): void {
  const { status } = container.start();
  if (status !== 0) throw new Error(`start ${container.id}: exit code ${status} ${container.logged()}`);
}

async function over(container: Container): Promise<void> {
  await container.kill();
  await container.delete();
}

/** By the sched domains, and on v2 by the partition's own words. */
function expectIsolated(
  { host }: Pick<Stage, "host">,
  containers: readonly Pick<Container, "cgroup">[],
  cpus: string,
): void {
  equal(host.isolated(), cpus);
  if (host.version === "v1") return;
  for (const container of containers) {
    const partition = readFileSync(`${host.root}/${container.cgroup()}/cpuset.cpus.partition`, "utf8");
    equal(partition, "isolated\n");
  }
  equal(readFileSync(`${host.root}/cpuset.cpus.isolated`, "utf8").trim(), cpus);
}

function isolatedBecomes({ host }: Pick<Stage, "host">, cpus: string): Promise<void> {
  return becomes("isolated CPUs", cpus, () => host.isolated());
}

// What must not happen has no moment at which it has not happened: as long as the daemon's tick, twice.
function settled(): Promise<void> {
  return sleep(2000);
}

async function offline(cpu: number, meanwhile: () => Promise<void>): Promise<void> {
  const file = `/sys/devices/system/cpu/cpu${cpu}/online`;
  writeFileSync(file, "0");
  try {
    await meanwhile();
  } finally {
    run("taskset", "1", "sh", "-c", `echo 1 >${file}`); // by the first CPU, which the guest's machine lets wait (boot.ts)
  }
}

/** Whether nothing of ours is left: no owner, nothing to put back. */
export function leftovers(): string[] {
  return ["/run/schedgate/before.json"].filter((path) => existsSync(path));
}
