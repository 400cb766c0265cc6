import type { ChildProcess } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { inspect } from "node:util";
import { HISTORIES, extrasOf, isCell, scenariosOf, settings } from "../cells.ts";
import { DAEMON_LOG, endDaemon, startDaemon } from "./daemon.ts";
import { becomes, changes, run, thisHost } from "./host.ts";
import { playHistories } from "./histories.ts";
import { tryLocalPartition } from "./local-partition.ts";
import { Pods } from "./pods.ts";
import { type Result, say } from "./report.ts";
import { leftovers } from "./scenarios.ts";

const cell = /schedgate\.cell=(\S+)/.exec(readFileSync("/proc/cmdline", "utf8"))?.[1] ?? "";
if (!isCell(cell)) throw new Error(`no cell "${cell}"`);
prepare();
const host = thisHost();
let daemon: ChildProcess | undefined;
say({ kernel: readFileSync("/proc/sys/kernel/osrelease", "utf8").trim(), version: host.version });

const pristine = host.dump();
for (const setting of settings) {
  for (const scenario of scenariosOf(cell, setting)) {
    await judge({ name: scenario.name, runtime: setting.runtime, driver: setting.driver }, async () => {
      if (scenario.daemon) daemon ??= await startDaemon();
      const pods = new Pods(host, setting);
      pods.begin();
      try {
        await scenario.play({ host, setting, pods });
      } finally {
        await pods.end();
      }
      await becomes("left in /run/schedgate", "", () => leftovers().join(" "));
      await becomes("not as before", "", () => changes(pristine, host.dump()).join("; "));
    });
  }
}
if (daemon !== undefined) await endDaemon(daemon);
for (const name of extrasOf(cell))
  await judge({ name }, async () => {
    await (name === HISTORIES ? playHistories(host) : tryLocalPartition(host));
    await becomes("not as before", "", () => changes(pristine, host.dump()).join("; "));
  });

async function judge(what: Omit<Result, "ms" | "failure">, play: () => Promise<void>): Promise<void> {
  const started = Date.now();
  let failure: string | undefined;
  try {
    await play();
  } catch (error) {
    const log = existsSync(DAEMON_LOG)
      ? readFileSync(DAEMON_LOG, "utf8").split("\n").slice(-8).join("\n")
      : "";
    failure = `${inspect(error)}\n${log}`; // with the causes
  }
  say({ ...what, ms: Date.now() - started, ...(failure === undefined ? {} : { failure }) });
}

function prepare(): void {
  run("mount", "-t", "debugfs", "debugfs", "/sys/kernel/debug");
  const verbose = "/sys/kernel/debug/sched/verbose"; // without it newer kernels list no domains
  if (existsSync(verbose)) writeFileSync(verbose, "Y");
}
