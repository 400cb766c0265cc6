import { execFile } from "node:child_process";
import { codeOf } from "../../common/errors.ts";

/** How a program ended. */
export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a program without a shell and waits for it, at most a minute. Never throws: 127 where it cannot be started. */
export type Spawn = (command: string, args: readonly string[]) => Promise<Ended>;

const TIMEOUT_MS = 60_000;
const MAX_OUTPUT = 16 << 20;

/** This machine's programs. */
export const nodeSpawn: Spawn = (command, args) =>
  new Promise((resolve) => {
    const options = { timeout: TIMEOUT_MS, maxBuffer: MAX_OUTPUT, encoding: "utf8" } as const;
    execFile(command, args, options, (error, stdout, stderr) => {
      const failed = typeof error?.code === "number" ? error.code : codeOf(error) === "ENOENT" ? 127 : 1;
      resolve({ code: error === null ? 0 : failed, stdout, stderr: stderr || (error?.message ?? "") });
    });
  });
