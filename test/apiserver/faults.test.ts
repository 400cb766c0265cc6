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
import { create, eventually, must } from "./cluster.ts";
import { grant } from "./objects.ts";
import { startStallingProxy } from "./stallingproxy.ts";

jest.setTimeout(300_000);

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

describe("under steady load", () => {
  test("no create of a granted pod fails through a rolling update", async () => {
    expectServed(await suffer(world, "rolling"));
  });

  test.each([
    ["manifests that are applied again", "apply"],
    ["changes of profiles", "profiles"],
    ["a restart of the API server", "apiserver"],
  ])("nor through %s", async (_, name) => {
    expectServed(await suffer(world, name, 1));
  });

  test("nor through a rotation of the CA and of the replicas' certificates", async () => {
    expectServed(await suffer(world, "leaf"));
    expectServed(await suffer(world, "ca"));
  });

  test("a replica that is killed delays pods, and loses none; ordinary ones do not notice", async () => {
    expectServed(await suffer(world, "kill", 2));
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
