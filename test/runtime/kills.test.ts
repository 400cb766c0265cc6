import { type ChildProcess } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "@jest/globals";
import fc from "fast-check";
import { exec } from "../lab/exec.ts";
import { freePorts } from "../lab/ports.ts";
import { waitFor } from "../lab/wait.ts";
import { testOn } from "../prerequisite.ts";
import { startDaemon } from "./daemon.ts";
import { killedAfter } from "./killed-after.ts";
import { type KilledNode, type Living, killedNode } from "./killed-node.ts";
import { changedSettings, isolatedCpus, lacksV1, lastCpu, settings } from "./kernel.ts";

/** `npm run test:kills` makes more of them. */
const KILLS = Number(process.env["SCHEDGATE_KILLS"] ?? 60);

const CALLS = ["start", "update", "delete"] as const;

/**
 * Who is killed: the companion in one of its commands, the launcher or the hook with every process that it started, the
 * daemon. `served`: the daemon, while a launcher asks it; `asking`: the launcher that asks it.
 */
const victims = [
  ...CALLS.flatMap((call) => [`companion ${call}`, `launcher ${call}`] as const),
  ...["companion reconcile", "launcher create", "hook createRuntime", "hook poststop"],
  ...["daemon", "served", "asking"],
];

// Node needs a while before our first line runs, and longer on a busy machine: a kill before that tells nothing.
/** Who is killed, and when: in times of what a reconcile with nothing to do takes. */
const kills = fc.array(
  fc.record({
    who: fc.constantFrom(...victims),
    moment: fc.double({ min: 0.5, max: 1.8, noNaN: true }),
  }),
  { minLength: KILLS, maxLength: KILLS, size: "max" },
);

/** The containers of a node, of which one lives at most, and how each victim meets its end. */
class Rounds {
  living: Living | undefined;
  private readonly node: KilledNode;
  private readonly port: number;

  constructor(node: KilledNode, port: number) {
    this.node = node;
    this.port = port;
  }

  async play(who: string, delay: number): Promise<void> {
    const { node } = this;
    node.removeNewcomer();
    const [victim = "", call = ""] = who.split(" ");
    if (victim === "served") return this.served(delay / 4);
    if (victim === "asking") return this.asking(delay / 4);
    if (victim === "daemon") return this.daemon(delay * 2);
    if (call === "update") return this.update(victim, delay);
    if (call === "start" || call.startsWith("create")) {
      await this.living?.end();
      this.living = node.create();
      return this.kill(victim, call, this.living, delay);
    }
    const { living } = this;
    if (call === "reconcile" || living === undefined) {
      node.makeNewcomer();
      return killedAfter(delay, [process.execPath, node.home.companion, "reconcile"], node.env);
    }
    await living.end();
    await this.kill(victim, call, living, delay);
    this.living = undefined;
  }

  private async kill(
    victim: string,
    call: string,
    { id, bundle, state }: Living,
    delay: number,
  ): Promise<void> {
    const { home, env } = this.node;
    if (victim === "hook") {
      return killedAfter(delay, [home.hook, call], env, call === "poststop" ? state(0) : state());
    }
    const args = call === "create" ? ["--bundle", bundle, "--pid-file", join(bundle, "pid"), id] : [id];
    // Much of the launcher comes before Node.
    if (victim === "launcher") await killedAfter(delay - delay / 4, [home.launcher, call, ...args], env);
    else await killedAfter(delay, [process.execPath, home.companion, call, id], env);
    if (call !== "create") return;
    // The runtime was not called: it tries again.
    expect(isolatedCpus()).toBe("");
    expect(await exec(home.launcher, ["create", ...args])).toMatchObject({ code: 0 });
    await this.node.start(id);
    expect(isolatedCpus()).toBe(lastCpu);
  }

  /** A kubelet calls update again where the launcher fails: then the isolation is where the CPUs are. */
  private async update(victim: string, delay: number): Promise<void> {
    const { node } = this;
    await this.living?.end();
    const living = (this.living = node.create());
    await node.start(living.id);
    expect(node.ledger.find(living.id)?.cpus).toBe(lastCpu);
    living.give("0");
    await this.kill(victim, "update", living, delay);
    const { problems } = await node.reconcile();
    expect(problems).toEqual([]);
    expect(["0", lastCpu]).toContain(isolatedCpus());
    expect(node.ledger.find(living.id)?.cpus).toBe(isolatedCpus());
    await node.update(living.id);
    expect(isolatedCpus()).toBe("0");
  }

  private async daemon(delay: number): Promise<void> {
    this.node.makeNewcomer();
    const daemon = startDaemon(this.node.home, this.port);
    const ended = new Promise((resolve) => daemon.once("exit", resolve));
    setTimeout(() => daemon.kill("SIGKILL"), delay);
    await ended;
  }

  /** The launcher asks the daemon, which is killed meanwhile; the companion then takes over, or the launcher is done. */
  private async served(delay: number): Promise<void> {
    const { home, ledger } = this.node;
    const living = await this.renew();
    await this.serving(async (daemon) => {
      setTimeout(() => daemon.kill("SIGKILL"), delay);
      expect(await exec(home.launcher, ["start", living.id])).toMatchObject({ code: 0 });
      expect(ledger.find(living.id)?.cpus).toBe(lastCpu);
    });
  }

  private async asking(delay: number): Promise<void> {
    const { home, env } = this.node;
    const { id } = await this.renew();
    await this.serving(() => killedAfter(delay, [home.launcher, "start", id], env));
  }

  private async renew(): Promise<Living> {
    await this.living?.end();
    return (this.living = this.node.create());
  }

  private async serving(work: (daemon: ChildProcess) => Promise<void>): Promise<void> {
    const { home } = this.node;
    const daemon = startDaemon(home, this.port);
    const ended = new Promise((resolve) => daemon.once("exit", resolve));
    // The file by which a daemon says that it serves.
    const mark = join(home.run, "daemon");
    await waitFor({ what: "daemon that serves", timeoutMs: 60_000, intervalMs: 5 }, () =>
      Promise.resolve(
        existsSync(mark) && readFileSync(mark, "utf8").startsWith(`${String(daemon.pid)} `)
          ? true
          : undefined,
      ),
    );
    await work(daemon);
    daemon.kill("SIGKILL");
    await ended;
  }
}

async function durationOf({ home, env }: KilledNode): Promise<number> {
  const started = performance.now();
  await exec(process.execPath, [home.companion, "reconcile"], { env });
  return performance.now() - started;
}

describe(`${KILLS} SIGKILLs at random moments`, () => {
  testOn(lacksV1)(
    "leave no CPU isolated without a living owner, none of a living owner balanced, and nothing behind",
    async () => {
      expect(isolatedCpus()).toBe("");
      const before = settings();
      const node = await killedNode();
      const { home, ledger } = node;
      const [port = 0] = await freePorts(1);
      const rounds = new Rounds(node, port);
      const counts: Record<string, number> = {};
      let mended = 0;
      try {
        await fc.assert(
          fc.asyncProperty(kills, async (all) => {
            let usual = 0;
            for (const [index, { who, moment }] of all.entries()) {
              if (index % 5 === 0) usual = await durationOf(node);
              await rounds.play(who, Math.ceil(moment * usual));
              counts[who] = (counts[who] ?? 0) + 1;
              const outcome = await node.reconcile();
              if (outcome.changed) mended += 1;
              expect(outcome.problems).toEqual([]);
              const { living } = rounds;
              expect(isolatedCpus()).toBe(living === undefined ? "" : (ledger.find(living.id)?.cpus ?? ""));
            }
            await rounds.living?.end();
            await node.reconcile();
            expect(isolatedCpus()).toBe("");
            expect(ledger.read().owners).toEqual([]);
            expect(existsSync(join(home.run, "before.json"))).toBe(false);
            expect(changedSettings(before)).toEqual([]);
          }),
          { numRuns: 1, endOnFailure: true },
        );
      } finally {
        await rounds.living?.end();
        await node.reconcile();
        node.close();
      }
      const each = Object.entries(counts).map(([who, count]) => `${count} ${who}`);
      process.stdout.write(
        `${KILLS} kills (${each.sort().join(", ")}), of which ${mended} left something for the next reconcile\n`,
      );
    },
    Math.max(300_000, KILLS * 10_000),
  );
});
