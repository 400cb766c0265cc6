import { AsyncLocalStorage } from "node:async_hooks";
import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { SchedgateError } from "../../common/errors.ts";

/** What a program left behind. `code` is 128 + n where signal n ended it. */
export interface Output {
  code: number;
  stdout: string;
  stderr: string;
}

export interface ExecOptions {
  input?: string;
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Kills the program after this many milliseconds. */
  timeoutMs?: number;
  signal?: AbortSignal;
  /** A file that gets both outputs instead of the answer, for long builds. */
  logFile?: string;
}

const ambient = new AsyncLocalStorage<AbortSignal>();

/** Every program that `work` runs is ended by the signal: a build runs many, one in another. */
export function abortable<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  return signal === undefined ? work() : ambient.run(signal, work);
}

/** The signal of the `abortable` work that this is part of. */
export function ambientSignal(): AbortSignal | undefined {
  return ambient.getStore();
}

/** Runs a program to its end. Throws only where it could not be started or was aborted. */
export function exec(command: string, args: readonly string[], options: ExecOptions = {}): Promise<Output> {
  return new Promise((resolve, reject) => {
    const { input, cwd, env, timeoutMs, signal = ambientSignal(), logFile } = options;
    const child = spawn(command, args, {
      stdio: "pipe",
      ...(cwd === undefined ? {} : { cwd }),
      ...(env === undefined ? {} : { env }),
      // An aborted program may clear away what it began, as after a Ctrl-C.
      ...(timeoutMs === undefined ? { killSignal: "SIGINT" } : { timeout: timeoutMs, killSignal: "SIGKILL" }),
      ...(signal === undefined ? {} : { signal }),
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    const log = logFile === undefined ? undefined : createWriteStream(logFile, { flags: "a" });
    child.stdout.on("data", (chunk: Buffer) => (log === undefined ? out.push(chunk) : log.write(chunk)));
    child.stderr.on("data", (chunk: Buffer) => (log === undefined ? err.push(chunk) : log.write(chunk)));
    let failure: SchedgateError | undefined;
    child.once("error", (cause) => {
      failure = new SchedgateError("E_EXEC", `cannot run ${command}: ${cause.message}`, { cause });
      if (child.pid === undefined) reject(failure); // else it was aborted, and is still ending
    });
    child.once("close", (code, signalName) => {
      log?.end();
      if (failure !== undefined) {
        reject(failure);
        return;
      }
      resolve({
        code: code ?? (signalName === "SIGKILL" ? 137 : 143),
        stdout: Buffer.concat(out).toString(),
        stderr: Buffer.concat(err).toString(),
      });
    });
    // A program may end without reading its input; its exit code says so.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
  });
}

/**
 * Runs a program that has to succeed and returns its standard output.
 * @throws SchedgateError E_EXEC with the last lines it printed.
 */
export async function must(
  command: string,
  args: readonly string[],
  options: ExecOptions = {},
): Promise<string> {
  const output = await exec(command, args, options);
  if (output.code !== 0) throw failed([command, ...args].join(" "), output, options.logFile);
  return output.stdout;
}

/** The error of a command line that ended badly. */
export function failed(what: string, output: Output, logFile?: string): SchedgateError {
  const said = (output.stderr.trim() === "" ? output.stdout : output.stderr)
    .trim()
    .split("\n")
    .slice(-15)
    .join("\n");
  const where = logFile === undefined ? "" : ` (see ${logFile})`;
  return new SchedgateError("E_EXEC", `${what.slice(0, 300)}: exit code ${output.code}${where}\n${said}`);
}
