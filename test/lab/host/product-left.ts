import { existsSync } from "node:fs";
import { readdir, readFile, rm } from "node:fs/promises";
import { type Before, restoreLoadBalance } from "./before.ts";
import { removeCgroup } from "./cgroups.ts";
import type { HostLayout } from "./layout.ts";

/** Where the product keeps its parts and its state, and the cpuset it makes (v1). */
const PATHS = ["/opt/schedgate", "/run/schedgate"];
const HOUSEKEEPING = "/sys/fs/cgroup/cpuset/schedgate-housekeeping";

/** What the product's installer writes down about itself, and the settings of its launcher: both name the node's paths. */
const RECORDS = ["/run/schedgate/installed.json", "/opt/schedgate/etc/launcher.conf"];

/** Whether there is something of a product that was installed on this very node, even if only its parts are left. */
async function isLeft({ root, runtimeConfig, hooks }: HostLayout): Promise<boolean> {
  for (const record of RECORDS.filter((path) => existsSync(path))) {
    if ((await readFile(record, "utf8")).includes(`${root}/`)) return true;
  }
  if (existsSync(hooks) && (await readdir(hooks)).some((name) => name.includes("schedgate"))) return true;
  if (!existsSync(runtimeConfig)) return false;
  if (!runtimeConfig.endsWith(".toml")) return (await readdir(runtimeConfig)).length > 0;
  return (await readFile(runtimeConfig, "utf8")).includes("schedgate");
}

/**
 * Puts back what a killed product could not, and removes what it keeps for containers that no longer are. A product
 * that some other runtime of this machine has is left alone.
 */
export async function removeProductLeft(layout: HostLayout, before: Before): Promise<string[]> {
  if (!(await isLeft(layout))) return [];
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
