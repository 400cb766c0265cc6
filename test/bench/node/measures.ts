import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { waitFor } from "../../lab/wait.ts";
import { PARENT } from "../../runtime/container.ts";
import { cpusetRoot, isolatedCpus, lastCpu, online } from "../../runtime/kernel.ts";
import { type Stage, fillLedger, timed } from "./stage.ts";

/** Milliseconds by contender. */
export type Times = Record<string, number[]>;

/**
 * Start and delete, together, of a container that does not ask: by runc alone, through the launcher, and through a script
 * that does nothing but exec runc, which no launcher in sh can outdo.
 */
export async function unmatched(stage: Stage, rounds: number): Promise<Times> {
  const script = join(stage.home.dir, "script.sh");
  writeFileSync(script, `#!/bin/sh\nexec '${stage.home.runc}' "$@"\n`, { mode: 0o755 });
  const programs: Record<string, string> = { bare: stage.home.runc, script, handler: stage.home.launcher };
  return interleaved(Object.keys(programs), rounds, async (who) => {
    const program = programs[who] ?? "";
    const one = await stage.created(who === "handler", false);
    const start = timed(stage.home, program, "start", one.id);
    process.kill(one.pid(), "SIGKILL");
    await waitFor({ what: "end of the container", timeoutMs: 10_000, intervalMs: 5 }, async () =>
      (await one.run("state", one.id)).stdout.includes('"stopped"') ? true : undefined,
    );
    const remove = timed(stage.home, program, "delete", one.id);
    return start + remove;
  });
}

/** Start of a container that asks: by runc alone, with the daemon, and with the daemon stopped. */
export async function matched(stage: Stage, rounds: number): Promise<Times> {
  return interleaved(["bare", "up", "down"], rounds, async (who) => {
    const launcher = who !== "bare";
    const one = await stage.created(launcher, true);
    if (who === "down") stage.daemon.kill("SIGSTOP");
    const took = timed(stage.home, launcher ? stage.home.launcher : stage.home.runc, "start", one.id);
    stage.daemon.kill("SIGCONT");
    await stage.removed(one);
    return took;
  });
}

/** Start of a container that asks, with so many others in the ledger. */
export async function crowded(stage: Stage, rounds: number, others: number): Promise<Times> {
  return interleaved(["1", String(others)], rounds, async (who) => {
    const empty = fillLedger(stage.home, Number(who) - 1);
    const one = await stage.created(true, true);
    await sleep(100); // the daemon has seen the ledger by then
    const took = timed(stage.home, stage.home.launcher, "start", one.id);
    empty();
    await stage.removed(one);
    return took;
  });
}

/** From a new cgroup with all CPUs, beside an isolated one, to its flag written. */
export async function mended(stage: Stage, rounds: number): Promise<number[]> {
  const one = await stage.created(true, true);
  timed(stage.home, stage.home.launcher, "start", one.id);
  const dir = join(cpusetRoot, PARENT, "newcomer");
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await waitFor({ what: "isolation", timeoutMs: 5000, intervalMs: 5 }, () =>
      Promise.resolve(isolatedCpus() === lastCpu ? true : undefined),
    );
    const started = performance.now();
    mkdirSync(dir);
    writeFileSync(join(dir, "cpuset.cpus"), `0-${online.at(-1) ?? 0}`);
    while (readFileSync(join(dir, "cpuset.sched_load_balance"), "utf8").trim() === "1") await sleep(0);
    times.push(performance.now() - started);
    rmdirSync(dir);
  }
  await stage.removed(one);
  return times;
}

/** After work V8 tidies up its heap once, some seconds later. */
const SETTLING_MS = 20_000;

/** Share of a CPU that the daemon takes while nothing happens, and its resident memory in MB. */
export async function idle({ daemon }: Stage, seconds: number): Promise<{ cpu: number; rss: number }> {
  const dir = `/proc/${String(daemon.pid)}`;
  const ticks = (): number => {
    const stat = readFileSync(`${dir}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return Number(fields[11]) + Number(fields[12]);
  };
  await sleep(SETTLING_MS);
  const before = ticks();
  await sleep(seconds * 1000);
  const cpu = (ticks() - before) / 100 / seconds; // USER_HZ is 100 on every Linux that Node runs on
  const rss = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`${dir}/status`, "utf8"))?.[1];
  return { cpu, rss: Number(rss) / 1000 };
}

// A turn each in every round, in an order that moves on by one; the first round warms up and does not count.
async function interleaved(
  names: readonly string[],
  rounds: number,
  turn: (who: string) => Promise<number>,
): Promise<Times> {
  const times: Times = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const [index] of names.entries()) {
      const who = names[(index + round) % names.length] ?? "";
      const took = await turn(who);
      if (round > 0) times[who]?.push(took);
    }
  }
  return times;
}
