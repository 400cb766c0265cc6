import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { SchedgateError } from "../../common/errors.ts";
import { ambientSignal } from "./exec.ts";

/** What makes one cached thing differ from another. Whatever changes the content has to be in `recipe`. */
export interface CacheKey {
  /** Such as `kubernetes`. */
  thing: string;
  /** Such as `v1.36.3`. */
  version: string;
  /** Any JSON value: commands, flags, package lists, keys of inputs. */
  recipe: unknown;
}

export interface Cache {
  readonly root: string;
  /** The directory of a thing, built by `build` into an empty directory if there is none yet. */
  get(key: CacheKey, build: (directory: string) => Promise<void>): Promise<string>;
}

/** `<thing>-<version>-<12 hex digits of the recipe's hash>`. */
export function cacheName({ thing, version, recipe }: CacheKey): string {
  const hash = createHash("sha256").update(JSON.stringify(recipe)).digest("hex").slice(0, 12);
  return `${thing}-${version.replaceAll(/[^A-Za-z0-9._]+/g, "_")}-${hash}`;
}

/** `$SCHEDGATE_CACHE`, else the user's cache directory: outside the working tree, so a clean clone finds it. */
export function cacheRoot(env: NodeJS.ProcessEnv): string {
  const { SCHEDGATE_CACHE: own, XDG_CACHE_HOME: xdg } = env;
  if (own !== undefined && own !== "") return own;
  return join(xdg === undefined || xdg === "" ? join(homedir(), ".cache") : xdg, "schedgate");
}

/** A cache below `root`: things appear whole, by rename, and two processes never build the same one. */
export function openCache(root: string, log: (line: string) => void): Cache {
  return {
    root,
    get: async (key, build) => {
      const name = cacheName(key);
      const finished = join(root, name);
      if (existsSync(finished)) return finished;
      await mkdir(root, { recursive: true });
      const held = await lock(join(root, `.${name}.lock`), () => {
        log(`waiting for another process that builds ${key.thing} ${key.version}`);
      });
      try {
        if (!existsSync(finished)) {
          await run(
            {
              what: `${key.thing} ${key.version}`,
              finished,
              temporary: join(root, `.${name}.building`),
              fill: build,
            },
            log,
          );
        }
      } finally {
        await held.close();
      }
      return finished;
    },
  };
}

interface Build {
  what: string;
  finished: string;
  temporary: string;
  fill: (directory: string) => Promise<void>;
}

async function run({ what, finished, temporary, fill }: Build, log: (line: string) => void): Promise<void> {
  const start = Date.now();
  log(`building ${what} (once; kept in ${finished})`);
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary);
  try {
    await fill(temporary);
    await rename(temporary, finished);
  } catch (error) {
    log(`building ${what} failed after ${seconds(start)}; what there is of it stays in ${temporary}`);
    throw error;
  }
  log(`built ${what} in ${seconds(start)}`);
}

/** Whole seconds since a time, for a person. */
export function seconds(since: number): string {
  return `${((Date.now() - since) / 1000).toFixed(1)} s`;
}

/**
 * Takes a lock that the kernel drops with its holder, however that ends: flock(1) locks the open file description
 * it inherits as fd 3, which this process keeps after flock(1) has ended.
 */
async function lock(path: string, onWait: () => void): Promise<FileHandle> {
  const file = await open(path, "w");
  if ((await flock(file, ["-n", "3"])) === 0) return file;
  onWait();
  const code = await flock(file, ["3"]);
  if (code === 0) return file;
  await file.close();
  throw new SchedgateError("E_LOCK", `flock on ${path} ended with exit code ${code}`);
}

function flock(file: FileHandle, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const signal = ambientSignal();
    const stdio = ["ignore", "inherit", "inherit", file.fd] as const;
    const child = spawn("flock", args, { stdio: [...stdio], ...(signal === undefined ? {} : { signal }) });
    child.once("error", reject);
    child.once("close", (code) => {
      resolve(code ?? 1);
    });
  });
}
