import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../common/errors.ts";
import { FAULTS } from "./faults/faults.ts";
import type { Options } from "./options.ts";
import type { Phase } from "./tally.ts";
import { openWorld } from "./world.ts";
import type { World } from "./world.ts";

/** The program's own. */
const DRAIN_SECONDS = 95;

/** Load without any fault, before the first one and between two. */
const QUIET_MS = 5_000;

const SETTLE_MS = 6_000;

/** Lets the faults come one after the other, again and again, until the time is over. */
export async function soak({ minutes, faults }: Options, log: (line: string) => void): Promise<Phase[]> {
  const world = await openWorld({ name: "soak", drainSeconds: DRAIN_SECONDS });
  const until = Date.now() + minutes * 60_000;
  const chosen = FAULTS.filter((each) => faults.includes(each.name));
  try {
    for (let i = 0; Date.now() < until; i += 1) {
      await sleep(QUIET_MS);
      const { name, title } = chosen[i % chosen.length] ?? { name: "", title: "" };
      log(`${new Date().toISOString()} ${title}`);
      await suffer(world, name).catch((error: unknown) => {
        world.tally.current.broken = messageOf(error);
        log(`  ${messageOf(error)}`);
      });
    }
    await sleep(QUIET_MS);
  } catch (error) {
    await world.stop().catch(() => undefined);
    throw error;
  }
  return world.stop();
}

/** One fault, from its beginning until everything is as before; `times` when not as often as it says itself. */
export async function suffer(world: World, name: string, times?: number): Promise<Phase> {
  const fault = FAULTS.find((each) => each.name === name);
  if (fault === undefined) throw new Error(`no fault ${name}`);
  const phase = world.tally.begin(name);
  phase.times = times ?? fault.times ?? 1;
  for (let i = 0; i < phase.times; i += 1) {
    await fault.run(world);
    await world.replicas.ready();
  }
  // Calls that the fault met may last as long as the webhooks' time limit, and are tried again.
  await sleep(SETTLE_MS);
  world.tally.begin("none");
  return phase;
}
