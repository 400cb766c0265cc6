import { createConnection, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { SchedgateError } from "../../../common/errors.ts";

/** A connection to a qemu monitor (QMP: one JSON object a line). */
export interface Monitor {
  /** Runs a command; throws what qemu says where it refuses. */
  run(command: string, args?: object): Promise<unknown>;
  close(): void;
}

interface Reply {
  return?: unknown;
  error?: { desc: string };
  event?: string;
}

/** Connects to a monitor's unix socket and negotiates. */
export async function connectMonitor(path: string): Promise<Monitor> {
  const socket = await connected(path);
  const waiting: ((reply: Reply | undefined) => void)[] = [];
  const lines = createInterface({ input: socket });
  lines.on("line", (line) => {
    const reply = JSON.parse(line) as Reply;
    // Events and the greeting answer nothing.
    if (reply.return !== undefined || reply.error !== undefined) waiting.shift()?.(reply);
  });
  lines.on("close", () => {
    for (const each of waiting.splice(0)) each(undefined);
  });
  const run = async (command: string, args?: object): Promise<unknown> => {
    const reply = await new Promise<Reply | undefined>((resolve) => {
      waiting.push(resolve);
      socket.write(
        `${JSON.stringify({ execute: command, ...(args === undefined ? {} : { arguments: args }) })}\n`,
      );
    });
    if (reply?.error !== undefined)
      throw new SchedgateError("E_QEMU", `qemu refused ${command}: ${reply.error.desc}`);
    if (reply === undefined) throw new SchedgateError("E_QEMU", `qemu ended during ${command}`);
    return reply.return;
  };
  await run("qmp_capabilities");
  return { run, close: () => socket.destroy() };
}

function connected(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    socket.once("connect", () => {
      // Later errors end the lines, and with them whatever waits for an answer.
      socket.on("error", () => undefined);
      resolve(socket);
    });
    socket.once("error", reject);
  });
}
