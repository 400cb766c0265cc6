import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { SchedgateError } from "../../common/errors.ts";

/** Runs `work` while no other runs under the same lock, here or in another process; in the order of the calls here. */
export type Lock = <T>(work: () => Promise<T>) => Promise<T>;

const WAIT_SECONDS = 10;

/**
 * The kernel's lock on a file (`/run/schedgate/lock`). Node has no flock(2), so flock(1) locks the open file
 * description that it inherits as fd 3; the description is ours too, so the lock outlives flock(1) and ends when
 * this process closes it or dies, however it dies.
 * @throws SchedgateError E_LOCK where another process held it for 10 s.
 */
export function fileLock(path: string, flock = "flock"): Lock {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const turn = last.then(() => holding(path, flock, work));
    last = turn.catch(() => undefined); // its caller hears of it
    return turn;
  };
}

async function holding<T>(path: string, flock: string, work: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(path), { recursive: true });
  const fd = openSync(path, "a", 0o600);
  try {
    await take(fd, path, flock);
    return await work();
  } finally {
    closeSync(fd);
  }
}

function take(fd: number, path: string, flock: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(flock, ["-w", String(WAIT_SECONDS), "3"], {
      stdio: ["ignore", "ignore", "ignore", fd],
    });
    child.once("error", (cause) => {
      reject(new SchedgateError("E_LOCK", `cannot run ${flock} (util-linux) to lock ${path}`, { cause }));
    });
    child.once("exit", (code) => {
      if (code === 0) resolve();
      else reject(new SchedgateError("E_LOCK", `${path} was held by another process for ${WAIT_SECONDS} s`));
    });
  });
}
