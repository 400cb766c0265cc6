import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "@jest/globals";
import fc from "fast-check";
import { parseCpuSet } from "../../common/cpuset.ts";
import { ledgerIn } from "../../node-agent/isolation/ledger.ts";
import { openIsolation } from "../../node-agent/isolation/open.ts";
import { reconcile } from "../../node-agent/isolation/reconcile.ts";
import { exec } from "../lab/exec.ts";
import { freePorts } from "../lab/ports.ts";
import { waitFor } from "../lab/wait.ts";
import { testOn } from "../prerequisite.ts";
import { startDaemon } from "./daemon.ts";
import { type Home, companionEnv, makeHome } from "./home.ts";
import { changedSettings, isolatedCpus, lacksV1, lastCpu, settings } from "./kernel.ts";
import { realMachine } from "./real-machine.ts";

/** `npm run test:kills` makes more of them. */
const KILLS = Number(process.env["SCHEDGATE_KILLS"] ?? 60);

// Node needs a while before our first line runs, and longer on a busy machine: a kill before that tells nothing.
/** Who is killed, and when: in times of what a reconcile with nothing to do takes. */
const kills = fc.array(
  fc.record({
    who: fc.constantFrom("start", "start", "delete", "delete", "reconcile", "daemon", "served", "served"),
    moment: fc.double({ min: 0.5, max: 1.8, noNaN: true }),
  }),
  { minLength: KILLS, maxLength: KILLS, size: "max" },
);

async function durationOf(home: Home): Promise<number> {
  const started = performance.now();
  await exec(process.execPath, [home.companion, "reconcile"], { env: companionEnv(home) });
  return performance.now() - started;
}

/** The pid that the file names by which a daemon says that it serves; "" where there is none. */
function daemonName(home: Home): string {
  const path = join(home.run, "daemon");
  return existsSync(path) ? (readFileSync(path, "utf8").split(" ")[0] ?? "") : "";
}

describe(`${KILLS} SIGKILLs at random moments`, () => {
  testOn(lacksV1)(
    "leave no CPU isolated without a living owner, none of a living owner balanced, and nothing behind",
    async () => {
      expect(isolatedCpus()).toBe("");
      const before = settings();
      const home = await makeHome("/bin/true"); // the containers are processes of the test's own
      const machine = realMachine();
      const [port = 0] = await freePorts(1);
      const ledger = ledgerIn(machine.hostFs, join(home.run, "ledger"));
      let living: { id: string; pid: number } | undefined;
      let made = 0;
      let mended = 0;

      const create = (): { id: string; pid: number } => {
        made += 1;
        const uid = `00000000-0000-4000-8000-${String(made).padStart(12, "0")}`;
        const id = `killed${made}`;
        const cgroup = `${machine.top}/pod${uid}/${id}`;
        const bundle = join(home.dir, "bundles", id);
        machine.makeCgroup(cgroup, parseCpuSet(lastCpu));
        const pid = machine.spawn(cgroup);
        for (const dir of [bundle, join(home.run, "asks", id)]) mkdirSync(dir, { recursive: true });
        const annotations = {
          "io.kubernetes.cri.container-name": "main",
          "io.kubernetes.cri.container-type": "container",
          "schedgate.dev/cpu-isolation": "enabled",
          "schedgate.dev/grant": "test",
        };
        const linux = { cgroupsPath: `/${cgroup}`, resources: { cpu: { shares: 1024 } } };
        writeFileSync(join(bundle, "config.json"), JSON.stringify({ annotations, linux }));
        writeFileSync(join(bundle, "pid"), String(pid));
        writeFileSync(join(home.run, "asks", id, "ask"), `${bundle}\n${join(bundle, "pid")}\n\n`);
        const entries = { [uid]: { main: lastCpu } };
        writeFileSync(home.kubeletState, JSON.stringify({ policyName: "static", entries }));
        return { id, pid };
      };
      const killed = async (timeoutMs: number, ...args: string[]): Promise<void> => {
        await exec(process.execPath, [home.companion, ...args], { env: companionEnv(home), timeoutMs });
      };
      const newcomer = `${machine.top}/newcomer`;

      // The launcher asks the daemon, which is killed meanwhile; the companion then takes over, or the launcher is done.
      const servedStart = async (delay: number): Promise<void> => {
        if (living !== undefined) await machine.kill(living.pid);
        living = create();
        const daemon = startDaemon(home, port);
        const ended = new Promise((resolve) => daemon.once("exit", resolve));
        await waitFor({ what: "daemon that serves", timeoutMs: 30_000, intervalMs: 5 }, () =>
          Promise.resolve(daemonName(home) === String(daemon.pid) ? true : undefined),
        );
        setTimeout(() => daemon.kill("SIGKILL"), delay);
        const { code } = await exec(home.launcher, ["start", living.id]);
        expect(code).toBe(0);
        expect(ledger.find(living.id)?.cpus).toBe(lastCpu);
        daemon.kill("SIGKILL");
        await ended;
      };

      const round = async (who: string, delay: number): Promise<void> => {
        machine.removeCgroup(newcomer);
        if (who === "served") {
          await servedStart(delay / 4);
          return;
        }
        if (who === "start") {
          if (living !== undefined) await machine.kill(living.pid);
          living = create();
          await killed(delay, "start", living.id);
        } else if (who === "delete" && living !== undefined) {
          await machine.kill(living.pid);
          await killed(delay, "delete", living.id);
          living = undefined;
        } else {
          machine.makeCgroup(newcomer, parseCpuSet(`0,${lastCpu}`)); // brings balancing back until it is mended
          if (who === "daemon") {
            const daemon = startDaemon(home, port);
            const ended = new Promise((resolve) => daemon.once("exit", resolve));
            setTimeout(() => daemon.kill("SIGKILL"), delay * 2);
            await ended;
          } else await killed(delay, "reconcile");
        }
      };

      try {
        await fc.assert(
          fc.asyncProperty(kills, async (all) => {
            for (const { who, moment } of all) {
              const usual = await durationOf(home);
              await round(who, Math.ceil(moment * usual));
              const isolation = openIsolation(machine.hostFs, home.run, machine.cgroupRoot);
              const outcome = await reconcile(isolation, 10);
              if (outcome.changed) mended += 1;
              expect(outcome.problems).toEqual([]);
              const owned = living !== undefined && ledger.find(living.id) !== undefined;
              expect(isolatedCpus()).toBe(owned ? lastCpu : "");
            }
            if (living !== undefined) await machine.kill(living.pid);
            await reconcile(openIsolation(machine.hostFs, home.run, machine.cgroupRoot), 10);
            expect(isolatedCpus()).toBe("");
            expect(ledger.read().owners).toEqual([]);
            expect(machine.hostFs.exists(join(home.run, "before.json"))).toBe(false);
            expect(changedSettings(before)).toEqual([]);
          }),
          { numRuns: 1, endOnFailure: true },
        );
      } finally {
        if (living !== undefined) await machine.kill(living.pid);
        await reconcile(openIsolation(machine.hostFs, home.run, machine.cgroupRoot), 10);
        machine.close();
        home.remove();
      }
      process.stdout.write(`${KILLS} kills, of which ${mended} left something for the next reconcile\n`);
    },
    Math.max(300_000, KILLS * 5000),
  );
});
