import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdirSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { dirname } from "node:path";
import type { Clock } from "../../common/clock.ts";
import { SchedgateError, codeOf } from "../../common/errors.ts";

/** Longer than any request: what grows beyond it without an end of line is thrown away. */
const LIMIT = 4096;

/**
 * Reads, for as long as this process lives, the lines that others write into a FIFO, which is made where it is not
 * there, for root alone. Opened for both directions, so it has no end of file when a writer closes.
 * @throws SchedgateError E_FIFO
 */
export function readLines(
  path: string,
  onLine: (line: string) => void,
  onError: (error: Error) => void,
): void {
  makeFifo(path);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const socket = new Socket({ fd, readable: true, writable: false });
  let rest = "";
  socket.on("error", onError);
  socket.setEncoding("latin1").on("data", (text) => {
    const lines = `${rest}${String(text)}`.split("\n");
    rest = (lines.pop() ?? "").slice(-LIMIT);
    for (const line of lines) onLine(line);
  });
}

function makeFifo(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isFIFO() === true) return;
  try {
    mkdirSync(dirname(path), { recursive: true });
    rmSync(path, { force: true });
    execFileSync("mkfifo", ["-m", "600", path], { stdio: "pipe" }); // Node has no mkfifo(3)
  } catch (cause) {
    throw new SchedgateError("E_FIFO", `cannot make the FIFO ${path} by mkfifo (coreutils)`, { cause });
  }
}

/** As long as a launcher waits. */
const OPEN_MS = 10_000;
/** A launcher is ready within milliseconds, unless its node is busy. */
const SOON_MS = 100;

/** The other end of a FIFO in which somebody waits for one line. */
export interface Reply {
  /** Ends the wait, with at most 4096 bytes, so that it never blocks. No error where the reader is gone. */
  end(text: string): void;
}

/**
 * Opens it once it is there and its reader has opened it: from then on the reader's wait ends with this process, whatever
 * ends it. The name is removed, since nobody else is to find it. Undefined where no reader comes in 10 s; never throws.
 */
export async function openReply(path: string, clock: Clock): Promise<Reply | undefined> {
  const began = clock.now().getTime();
  for (;;) {
    try {
      const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
      rmSync(path, { force: true });
      return {
        end: (text) => {
          endWith(fd, text);
        },
      };
    } catch (error) {
      if (!["ENOENT", "ENXIO"].includes(codeOf(error) ?? "")) return undefined;
    }
    const waited = clock.now().getTime() - began;
    if (waited >= OPEN_MS) return undefined;
    await clock.sleep(waited < SOON_MS ? 1 : 50);
  }
}

function endWith(fd: number, text: string): void {
  try {
    if (text !== "") writeSync(fd, text);
  } catch (error) {
    if (codeOf(error) !== "EPIPE") throw error;
  } finally {
    closeSync(fd);
  }
}
