import { afterAll, beforeAll, describe, expect } from "@jest/globals";
import { cacheRoot, openCache } from "../lab/cache.ts";
import { ensurePrograms } from "../lab/prerequisites.ts";
import { lacksNode, testOn } from "../prerequisite.ts";
import { type Booted, type Guest, makeGuest } from "./boot.ts";
import { type CellName, cells, extrasOf, scenariosOf, settings } from "./cells.ts";

const log = (line: string): void => {
  process.stderr.write(`${line}\n`);
};
const test = testOn(lacksNode());
const asked = process.env["SCHEDGATE_KERNELS"]?.split(" ");
/** All cells, or those that `SCHEDGATE_KERNELS` names. */
const names = (Object.keys(cells) as CellName[]).filter((name) => asked?.includes(name) ?? true);
let guest: Guest | undefined;
let boots: ReadonlyMap<CellName, Promise<Booted>> | undefined;

beforeAll(async () => {
  if (lacksNode() !== undefined) return;
  const programs = [
    { program: "qemu-system-x86_64", package: "qemu-system-x86" },
    { program: "mmdebstrap", package: "mmdebstrap" },
    { program: "cpio", package: "cpio" },
  ];
  await ensurePrograms(programs, log);
  guest = await makeGuest(openCache(cacheRoot(process.env), log));
  boots = guest.bootAll(names);
}, 1_800_000);

afterAll(async () => {
  await guest?.remove();
});

describe.each(names)("on a real kernel, %s", (cell) => {
  let booted: Booted | undefined;

  beforeAll(async () => {
    booted = await boots?.get(cell);
    log(`${cell}: Linux ${booted?.kernel ?? ""}, ${booted?.seconds ?? 0} s`);
  }, 2_000_000);

  /** One boot plays all scenarios; each is a test here. */
  const expectHeld = (name: string, runtime?: string, driver?: string): Promise<void> => {
    const result = booted?.results.find(
      (each) => each.name === name && each.runtime === runtime && each.driver === driver,
    );
    if (result === undefined)
      throw new Error(
        `the guest did not get to it; its console ends:\n${booted?.console.slice(-3000) ?? ""}`,
      );
    expect(result.failure).toBeUndefined();
    return Promise.resolve();
  };

  for (const setting of settings) {
    const { runtime, driver } = setting;
    describe(`${runtime}, ${driver} driver`, () => {
      for (const { name } of scenariosOf(cell, setting))
        test(name, () => expectHeld(name, runtime, driver), 5000);
    });
  }
  for (const name of extrasOf(cell)) test(name, () => expectHeld(name), 5000);
});
