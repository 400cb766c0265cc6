import { existsSync } from "node:fs";
import { readdir, readFile, rm } from "node:fs/promises";
import { type Before, restoreLoadBalance } from "./before.ts";
import { removeCgroup } from "./cgroups.ts";
import type { HostLayout } from "./layout.ts";

/** Where the product keeps its parts and its state, and the cpuset it makes (v1). */
const PATHS = ["/opt/schedgate", "/run/schedgate"];
const HOUSEKEEPING = "/sys/fs/cgroup/cpuset/schedgate-housekeeping";

/** Whether the product was installed on this node and not removed again: its handler still stands in the config. */
async function isInstalled({ runtimeConfig, hooks }: HostLayout): Promise<boolean> {
  if (existsSync(hooks) && (await readdir(hooks)).some((name) => name.includes("schedgate"))) return true;
  if (!existsSync(runtimeConfig)) return false;
  if (!runtimeConfig.endsWith(".toml")) return (await readdir(runtimeConfig)).length > 0;
  return (await readFile(runtimeConfig, "utf8")).includes("schedgate");
}

/**
 * Puts back what a killed product could not: after the pods are gone nothing of it is needed. A product that was
 * removed as it should be is left alone, and so is one that was there before this node.
 */
export async function removeProductLeft(layout: HostLayout, before: Before): Promise<string[]> {
  if (!(await isInstalled(layout))) return [];
  const removed: string[] = [];
  if (existsSync(HOUSEKEEPING)) {
    await removeCgroup(HOUSEKEEPING);
    removed.push(`cgroup ${HOUSEKEEPING}`);
  }
  if (await restoreLoadBalance(before)) removed.push("the root's sched_load_balance, put back");
  for (const path of PATHS.filter((each) => before.absent.includes(each) && existsSync(each))) {
    await rm(path, { recursive: true });
    removed.push(path);
  }
  return removed;
}
