import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { SchedgateError } from "../../common/errors.ts";
import { identify, isAlive, type ProcessIdentity } from "./identity.ts";
import { endMarked, MARK } from "./marked.ts";
import { readJson, writeJson } from "./state.ts";

// Runs the program again whenever it ends, until the shell itself is killed.
const SUPERVISE = 'while :; do "$@"; sleep 0.3; done';

interface ProcessSpec {
  /** Unique in the lab, such as `etcd`; its output goes to `log/<name>.log`. */
  name: string;
  command: string;
  args: readonly string[];
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Start it again when it ends. Then the recorded process is a small shell, the program its child. */
  supervised?: boolean;
}

interface ProcessRecord extends ProcessIdentity {
  name: string;
}

/** The long-running processes of one lab, recorded on disk before anyone relies on them. */
export interface Processes {
  start(spec: ProcessSpec): Promise<ProcessIdentity>;
  /** Whether it was recorded and lives (supervised: whether its supervisor does). */
  alive(name: string): Promise<boolean>;
  /** Its recorded process, undefined where there is none. */
  find(name: string): Promise<ProcessIdentity | undefined>;
  /** Ends it with all of its process group: SIGTERM, then SIGKILL after `graceMs`. True where something lived. */
  end(name: string, graceMs?: number): Promise<boolean>;
  /** Ends all that are left, the last started first. Returns their names. */
  endAll(): Promise<string[]>;
  /** A line for each recorded process, for a person. */
  list(): Promise<string[]>;
  /** The last lines of a process's log. */
  lastLines(name: string, count?: number): Promise<string>;
}

export { isMarked } from "./marked.ts";

/** The processes of the lab whose state is in `stateDir`. */
export function openProcesses(stateDir: string): Processes {
  const file = join(stateDir, "processes.json");
  const logDir = join(stateDir, "log");
  const records = async (): Promise<ProcessRecord[]> => (await readJson<ProcessRecord[]>(file)) ?? [];
  // One change of the file at a time: processes are started and ended side by side.
  let last: Promise<unknown> = Promise.resolve();
  const change = (edit: (all: ProcessRecord[]) => ProcessRecord[]): Promise<void> => {
    const next = last.then(async () => writeJson(file, edit(await records())));
    last = next.catch(() => undefined);
    return next;
  };

  const find = async (name: string): Promise<ProcessRecord | undefined> =>
    (await records()).find((each) => each.name === name);

  const end = async (name: string, graceMs = 5000): Promise<boolean> => {
    const record = await find(name);
    if (record === undefined) return false;
    const lived = await endMarked(stateDir, graceMs, record);
    await change((all) => all.filter((each) => each.name !== name || each.startTime !== record.startTime));
    return lived;
  };

  return {
    start: async (spec) => {
      await mkdir(logDir, { recursive: true });
      const identity = await launch(spec, join(logDir, `${spec.name}.log`), stateDir);
      await change((all) => [
        ...all.filter(({ name }) => name !== spec.name),
        { name: spec.name, ...identity },
      ]);
      return identity;
    },
    alive: async (name) => {
      const record = await find(name);
      return record !== undefined && (await isAlive(record));
    },
    find,
    end,
    endAll: async () => {
      const ended: string[] = [];
      for (const { name } of (await records()).reverse()) if (await end(name)) ended.push(name);
      // Started, and this process killed before it could write that down.
      if (await endMarked(stateDir, 5000)) ended.push("unrecorded ones");
      return ended;
    },
    list: async () =>
      Promise.all(
        (await records()).map(
          async (each) => `${each.name}: pid ${each.pid}, ${(await isAlive(each)) ? "runs" : "ended"}`,
        ),
      ),
    lastLines: async (name, count = 20) => {
      const path = join(logDir, `${name}.log`);
      return existsSync(path)
        ? (await readFile(path, "utf8")).trimEnd().split("\n").slice(-count).join("\n")
        : "";
    },
  };
}

async function launch(spec: ProcessSpec, logFile: string, stateDir: string): Promise<ProcessIdentity> {
  const log = await open(logFile, "a");
  const [command, args] =
    spec.supervised === true
      ? ["/bin/sh", ["-c", SUPERVISE, `lab-${spec.name}`, spec.command, ...spec.args]]
      : [spec.command, spec.args];
  try {
    // A session of its own: the terminal's Ctrl-C reaches only `up`, which ends its processes itself.
    const child = spawn(command, args, {
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
      env: { ...process.env, ...spec.env, [MARK]: stateDir },
      ...(spec.cwd === undefined ? {} : { cwd: spec.cwd }),
    });
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", reject);
    });
    child.unref();
    const identity = child.pid === undefined ? undefined : await identify(child.pid);
    if (identity === undefined)
      throw new SchedgateError("E_EXEC", `${spec.name} ended at once; see ${logFile}`);
    return identity;
  } catch (cause) {
    throw new SchedgateError("E_EXEC", `cannot start ${spec.name} (${spec.command}): ${String(cause)}`, {
      cause,
    });
  } finally {
    await log.close();
  }
}
