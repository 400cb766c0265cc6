import { createConnection } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { SchedgateError } from "../../../common/errors.ts";
import { failed, type Output } from "../exec.ts";

/** Root shells in a guest, one a TCP connection to the forwarded port on this machine's loopback. */
export interface GuestShell {
  /** Runs a shell line to its end; both outputs and the exit code come back apart. */
  run(command: string, timeoutMs?: number): Promise<Output>;
  /** Runs a shell line that has to succeed. */
  must(command: string, timeoutMs?: number): Promise<string>;
  /** Waits until the guest answers. */
  wait(timeoutMs: number, signal?: AbortSignal): Promise<void>;
}

const HEADER = /^SHELL (\d+) (\d+) (\d+)\n/;

/**
 * What is written to the guest's bash: the command, quoted whole, evaluated in a subshell so that even an `exit` in it
 * ends no more than itself. The answer is a header with exit code and both lengths, then both outputs. Few programs
 * are started: each costs an emulated machine 20 ms.
 */
export function request(command: string): string {
  const quoted = `'${command.replaceAll("'", String.raw`'\''`)}'`;
  return [
    "t=/run/lab-shell.$$",
    `(eval ${quoted}) </dev/null >$t.o 2>$t.e`,
    "c=$?; set -- $(stat -c %s $t.o $t.e)",
    'printf "SHELL %d %d %d\\n" $c $1 $2; cat $t.o $t.e; rm $t.o $t.e; exit\n',
  ].join("\n");
}

/** Takes an answer apart; undefined where it is not whole. */
export function parseAnswer(answer: Buffer): Output | undefined {
  const header = HEADER.exec(answer.subarray(0, 60).toString("latin1"));
  if (header === null) return undefined;
  const [whole, code, out, err] = header;
  const start = whole.length;
  const middle = start + Number(out);
  const end = middle + Number(err);
  if (answer.length < end) return undefined;
  return {
    code: Number(code),
    stdout: answer.subarray(start, middle).toString(),
    stderr: answer.subarray(middle, end).toString(),
  };
}

/** The shell behind a port of 127.0.0.1. */
export function guestShell(port: number): GuestShell {
  const run = async (command: string, timeoutMs = 120_000): Promise<Output> => {
    const answer = parseAnswer(await exchange(port, request(command), timeoutMs));
    if (answer !== undefined) return answer;
    throw new SchedgateError(
      "E_GUEST",
      `the VM gave no whole answer within ${timeoutMs / 1000} s to: ${command.slice(0, 200)}`,
    );
  };
  return {
    run,
    must: async (command, timeoutMs) => {
      const output = await run(command, timeoutMs);
      if (output.code !== 0) throw failed(`in the VM: ${command}`, output);
      return output.stdout;
    },
    wait: async (timeoutMs, signal) => {
      const deadline = Date.now() + timeoutMs;
      // A forwarded port accepts before the guest does: only an answer counts.
      while (parseAnswer(await exchange(port, request("true"), 3000)) === undefined) {
        signal?.throwIfAborted();
        if (Date.now() > deadline) {
          throw new SchedgateError("E_GUEST", `the VM did not answer within ${timeoutMs / 1000} s`);
        }
        await sleep(100);
      }
    },
  };
}

/** Sends and reads until the other side closes; gives what came so far where it takes too long. */
function exchange(port: number, text: string, timeoutMs: number): Promise<Buffer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = createConnection({ host: "127.0.0.1", port });
    const timer = setTimeout(() => socket.destroy(), timeoutMs);
    socket.on("connect", () => socket.write(text));
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    // A refused or reset connection gives no whole answer, which the caller judges.
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(Buffer.concat(chunks));
    });
  });
}
