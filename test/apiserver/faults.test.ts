import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { systemClock } from "../../common/clock.ts";
import { connectKube } from "../../common/kube/client.ts";
import { pathOf, resources } from "../../common/kube/paths.ts";
import { reflector } from "../../common/kube/reflector.ts";
import { silentLogger } from "../../common/log.ts";
import { breaches, report } from "../soak/report.ts";
import { suffer } from "../soak/soak.ts";
import type { Phase } from "../soak/tally.ts";
import { openWorld } from "../soak/world.ts";
import type { World } from "../soak/world.ts";
import { profileChanges } from "../soak/faults/writes.ts";
import { stormDuring } from "../soak/storm.ts";
import { create, eventually, must } from "./cluster.ts";
import { grant } from "./objects.ts";
import { startStallingProxy } from "./stallingproxy.ts";

jest.setTimeout(300_000);

/** Tries, of three ways; on an idle machine there are 400 and more. No rate: that is the machine's alone. */
const MANY = 100;

let world: World;

beforeAll(async () => {
  world = await openWorld({ name: "faults", drainSeconds: 16 });
}, 600_000);

afterAll(async () => {
  const phases = await world.stop();
  process.stderr.write(report(phases));
}, 150_000);

/** That pods were made meanwhile, that none failed that must not, and that none was made without right. */
function expectServed(phase: Phase): void {
  expect(breaches([phase])).toEqual([]);
  for (const each of Object.values(phase.kinds)) expect(each.done).toBeGreaterThan(0);
}

/** That many tries to get past the webhook were made meanwhile, and that none did. */
async function expectClosed(work: () => Promise<unknown>): Promise<void> {
  const began = Date.now();
  const { refused, failed, passed } = await stormDuring(world.cluster.lab.kubeconfig, work);
  const seconds = (Date.now() - began) / 1000;
  process.stderr.write(`${seconds.toFixed(0)} s: ${refused} refused, ${failed} failed, without right\n`);
  expect(passed).toEqual([]);
  expect(refused).toBeGreaterThan(0);
  expect(refused + failed).toBeGreaterThan(MANY);
}

async function theLeader(): Promise<number> {
  const leads = await Promise.all(world.replicas.all.map((each) => each.metric("schedgate_leader")));
  return leads.indexOf(1);
}

describe("under steady load", () => {
  test("no create of a granted pod fails through a rolling update", async () => {
    expectServed(await suffer(world, "rolling"));
  });

  test.each([
    ["a restart of the API server", "apiserver"],
    ["a pause of etcd", "etcd"],
    ["the loss of the CA's Secret", "secret"],
  ])("nor through %s", async (_, name) => {
    expectServed(await suffer(world, name, 1));
  });

  test.each([
    ["manifests that are applied again", "apply"],
    ["changes of profiles", "profiles"],
  ])("nor through %s, and nothing without right passes at any moment of it", async (_, name) => {
    await expectClosed(async () => {
      expectServed(await suffer(world, name, 3));
    });
  });

  test("nor through a rotation of the CA and of the replicas' certificates", async () => {
    expectServed(await suffer(world, "leaf"));
    expectServed(await suffer(world, "ca"));
  });

  test("a replica that is killed delays pods, and loses none; ordinary ones do not notice", async () => {
    expectServed(await suffer(world, "kill", 2));
  });

  test("nothing without right passes while a profile changes and the leader is killed", async () => {
    await expectClosed(async () => {
      const leader = await theLeader();
      expect(leader).toBeGreaterThanOrEqual(0);
      const phase = world.tally.begin("kill");
      await world.replicas.kill(leader);
      await profileChanges.run(world);
      await world.replicas.restart();
      await world.replicas.ready();
      world.tally.begin("none");
      expectServed(phase);
    });
  });

  test.each([
    ["the webhook is slow", "slow"],
    ["its Secret is gone and no replica can start", "no-secret"],
  ])("ordinary pods are made while %s, and granted ones after that", async (_, name) => {
    expectServed(await suffer(world, name));
  });
});

test("a connection that went silent is noticed, and what was missed is heard", async () => {
  const { lab } = world.cluster;
  const server = (await must(lab, ["config", "view", "-o", "jsonpath={.clusters[0].cluster.server}"])).trim();
  const relay = await startStallingProxy(server);
  const kubeconfig = join(lab.stateDir, "relay.kubeconfig");
  const text = await must(lab, ["config", "view", "--raw", "-o", "json"]);
  await writeFile(kubeconfig, text.replaceAll(server, relay.url), { mode: 0o600 });
  const ended = new AbortController();
  const view = reflector({
    api: await connectKube({ kubeconfig }),
    clock: systemClock,
    log: silentLogger,
    path: pathOf(resources.hookGrants),
    parse: (object) => object,
    idleMs: 2_000,
  });
  const run = view.run(ended.signal);
  await eventually("a list", () => Promise.resolve(view.synced || undefined));
  relay.stall();
  await create(world.api, resources.hookGrants, grant("missed", "missed"));
  await eventually("the grant", () => Promise.resolve(view.items().has("missed") || undefined));
  expect(view.synced).toBe(true);
  await relay.close();
  await eventually("not to be in step any more", () => Promise.resolve(view.synced ? undefined : true));
  expect(view.synced).toBe(false);
  ended.abort();
  await run;
});
