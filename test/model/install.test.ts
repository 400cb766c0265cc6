import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { ifThere, nodeHostFs } from "../../node-agent/host/host-fs.ts";
import { containerd } from "../../node-agent/install/containerd.ts";
import type { Host } from "../../node-agent/install/host.ts";
import { install } from "../../node-agent/install/install.ts";
import { uninstall } from "../../node-agent/install/uninstall.ts";
import { CONFIG, type InstallWorld, installWorld } from "./installing.ts";
import { mortalFs } from "./mortal-fs.ts";

const THEIRS = 'version = 2 # a comment\nimports = ["/etc/containerd/more/*.toml"]\n\nroot = "/r"';
/** More changes than an install or an uninstall makes: the last of these processes are not killed at all. */
const STEPS = 20;

/** Programs are copied at each step, on a machine that may be busy. */
const LONG_MS = 60_000;

let world: InstallWorld;

beforeEach(async () => {
  world = await installWorld(THEIRS);
});
afterEach(async () => {
  await world.close();
});

function run(host: Host): Promise<void> {
  return install(host, containerd(host), world.image);
}

function leave(host: Host): Promise<void> {
  return uninstall(host, containerd(host), () => Promise.resolve({ removed: true, why: "" }));
}

/** A process of the installer that lives for so many changes of the host's files. Returns how many it made. */
async function mortal(changes: number, work: (host: Host) => Promise<void>): Promise<number> {
  const { hostFs, changed } = mortalFs(nodeHostFs(world.root), changes);
  await work(world.host(hostFs)).catch(() => undefined);
  return changed.length;
}

describe("an installer that is killed at any of its changes", () => {
  test(
    "is completed by the next one, and the runtime has read what is on disk",
    async () => {
      for (let step = 0; step < STEPS; step += 1) {
        await mortal(step, run);
        await run(world.host());
        expect({ step, text: world.text(CONFIG) }).toEqual({
          step,
          text: expect.stringContaining("launcher.sh"),
        });
        expect({ step, running: world.running() }).toEqual({ step, running: world.text(CONFIG) });
        expect(world.text("/run/schedgate/restart-pending")).toBeUndefined();
        await leave(world.host());
      }
      expect(await mortal(STEPS, run)).toBeLessThan(STEPS);
    },
    LONG_MS,
  );

  test(
    "has never named a program that is not there, in a hook file or the configuration, on its way in or out",
    async () => {
      const crio = (host: Host): Host => ({ ...host, config: { ...host.config, runtime: "crio" } });
      const expectWhole = (step: number): void => {
        const { files, config } = world.host();
        const hooks = (ifThere(() => files.list(config.hooksDir)) ?? []).map(
          (name) => `${config.hooksDir}/${name}`,
        );
        const named = [CONFIG, ...hooks].flatMap(
          (path) => world.text(path)?.match(/\/opt\/schedgate\/bin\/[a-z.]+/g) ?? [],
        );
        expect({ step, missing: named.filter((path) => !files.exists(path)) }).toEqual({ step, missing: [] });
      };
      for (let step = 0; step < STEPS; step += 1) {
        await mortal(step, (host) => run(crio(host)));
        expectWhole(step);
        await run(crio(world.host()));
        await mortal(step, (host) => leave(crio(host)));
        expectWhole(step);
        await leave(crio(world.host()));
      }
    },
    LONG_MS * 2,
  );

  test.each(["unreadable", "does not start"] as const)(
    "leaves the file as it was before where the runtime's configuration is %s with our handler",
    async (flaw) => {
      world.flaw = flaw;
      for (let step = 0; step < STEPS; step += 1) {
        await mortal(step, run);
        await run(world.host()).catch(() => undefined);
        expect({ step, text: world.text(CONFIG) }).toEqual({ step, text: THEIRS });
        expect({ step, running: world.running() }).toEqual({ step, running: THEIRS });
        nodeHostFs(world.root).remove("/run/schedgate/refused");
      }
    },
    LONG_MS,
  );

  test(
    "while it takes all away leaves nothing that the next one does not take",
    async () => {
      for (let step = 0; step < STEPS; step += 1) {
        await run(world.host());
        await mortal(step, leave);
        await leave(world.host());
        expect({ step, text: world.text(CONFIG) }).toEqual({ step, text: THEIRS });
        expect({ step, running: world.running() }).toEqual({ step, running: THEIRS });
        expect(world.filesBelow("/etc")).toHaveLength(1);
        expect(world.filesBelow("/run")).toEqual([expect.stringContaining("containerd.sock")]);
      }
    },
    LONG_MS,
  );
});

test("a runtime that does not come back with our handler is not tried again before somebody has looked", async () => {
  world.flaw = "does not start";
  await expect(run(world.host())).rejects.toThrow("did not come back");
  await expect(run(world.host())).rejects.toThrow("remove /run/schedgate/refused to try again");
  expect(world.text(CONFIG)).toBe(THEIRS);
});

test("what somebody writes into the file meanwhile is not taken back", async () => {
  await mortal(12, run); // killed after the change
  const host = world.host();
  const edited = `${world.text(CONFIG) ?? ""}# edited\n`;
  host.files.replace(CONFIG, edited);
  world.flaw = "unreadable";
  await expect(run(host)).rejects.toThrow("cannot read it");
  expect(world.text(CONFIG)).toBe(edited);
});

test("a configuration that somebody wrote anew gets the handler again at the next look", async () => {
  const host = world.host();
  await run(host);
  host.files.replace(CONFIG, "version = 2\n");
  await run(host);
  expect(world.text(CONFIG)).toMatch(/^version = 2\n[^]*launcher\.sh/);
  expect(world.running()).toBe(world.text(CONFIG));
});

test("without a restart of our own the installer waits, and is done once somebody restarted the runtime", async () => {
  const byHand = (): Host => {
    const host = world.host();
    return { ...host, config: { ...host.config, restart: "none" } };
  };
  await expect(run(byHand())).rejects.toThrow("restart containerd by hand");
  await expect(run(byHand())).rejects.toThrow("restart containerd by hand");
  expect(world.text("/run/schedgate/installed.json")).toBeUndefined();
  await world.host().spawn("systemctl", ["restart"]);
  await run(byHand());
  expect(world.text("/run/schedgate/installed.json")).toContain(CONFIG);
});

test("a note that cannot be read means a restart, and takes nothing back", async () => {
  const host = world.host();
  await run(host);
  const registered = world.text(CONFIG);
  host.files.replace("/run/schedgate/restart-pending", "");
  await run(host);
  expect(world.text(CONFIG)).toBe(registered);
  expect(world.text("/run/schedgate/restart-pending")).toBeUndefined();
});

test("temporary files of writers that were killed go, and those of living ones stay", async () => {
  const host = world.host();
  host.files.replace("/etc/containerd/.schedgate-99.tmp", "");
  host.files.replace("/etc/containerd/.schedgate-42.tmp", "");
  await run(host);
  expect(host.files.list("/etc/containerd")).toEqual([".schedgate-42.tmp", "config.toml"]);
});
