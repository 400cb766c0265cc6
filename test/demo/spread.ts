import { formatCpuSet, type CpuSet } from "../../common/cpuset.ts";
import type { Lab } from "../lab/lab.ts";
import { until } from "./wait.ts";

/** How often two busy tasks, both started on the first CPU and then allowed on all, ran on different CPUs. */
export interface Spread {
  apart: number;
  samples: number;
}

/**
 * Measures load balancing by behaviour, on the node. Two busy tasks are pinned to the first CPU, then allowed on all of
 * `cpus`: the kernel's balancer moves one of them, and with no sched domain nobody does. `cgroup` (a directory) is joined
 * first where the CPUs belong to a partition that outsiders can't enter.
 */
export async function measureSpread(lab: Pick<Lab, "node">, cpus: CpuSet, cgroup?: string): Promise<Spread> {
  const join = cgroup === undefined ? "" : `echo $$ > ${cgroup}/cgroup.procs; `;
  const first = String(cpus[0] ?? 0);
  // Shell builtins where possible: each program started costs an emulated machine 20 ms. Field 39 is the processor.
  const script = `
    pids=
    for n in 1 2; do
      sh -c '${join}exec taskset -c ${first} sh -c "while :; do :; done"' & pids="$pids $!"
    done
    trap 'kill $pids' EXIT
    sleep 0.2
    for p in $pids; do taskset -cp ${formatCpuSet(cpus)} $p > /dev/null || exit 1; done
    sleep 0.4
    apart=0
    on() { read -r stat < /proc/$1/stat; set -- $stat; cpu=\${39}; }
    for i in 1 2 3 4 5; do
      sleep 0.1
      set -- $pids
      on $1; one=$cpu; on $2
      [ "$one" = "$cpu" ] || apart=$((apart + 1))
    done
    echo "apart $apart"`;
  const { code, stdout, stderr } = await lab.node(script);
  const apart = /apart (\d+)/.exec(stdout)?.[1];
  if (code !== 0 || apart === undefined)
    throw new Error(`could not measure load balancing: ${stderr || stdout}`);
  return { apart: Number(apart), samples: 5 };
}

/**
 * Waits until two busy tasks spread. Another busy program can keep a balancer from moving anything for a while; with no
 * sched domain nothing moves ever.
 */
export function awaitSpread(lab: Pick<Lab, "node">, cpus: CpuSet): Promise<Spread> {
  return until("two busy tasks spread", 30, async () => {
    const spread = await measureSpread(lab, cpus);
    return isBalanced(spread)
      ? { value: spread }
      : { not: `apart in ${spread.apart} of ${spread.samples} samples` };
  });
}

/** Balanced tasks run apart nearly always on an idle machine, and now and then on a busy one. */
function isBalanced({ apart, samples }: Spread): boolean {
  return apart >= samples / 5;
}

/** Without load balancing nobody ever moves them. */
export function isIsolated({ apart }: Spread): boolean {
  return apart === 0;
}
