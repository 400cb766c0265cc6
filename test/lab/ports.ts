import { createServer } from "node:net";
import { SchedgateError } from "../../common/errors.ts";

// Below the ports that the kernel gives to outgoing connections (32768) and Kubernetes to NodePorts (30000): a port that
// was free stays so until its program listens, seconds later.
const FIRST = 20_000;
const PART = 1_000;
const PARTS = 10;

/** Each of jest's workers has a part of its own, and every other process the first; several of these begin anywhere in it. */
const part = Number(process.env["JEST_WORKER_ID"] ?? 0) % PARTS;
let next = Math.floor(Math.random() * PART);

/** `count` different TCP ports of an address that nothing listens on now; none again until all of the part had their turn. */
export async function freePorts(count: number, address = "127.0.0.1"): Promise<number[]> {
  const ports: number[] = [];
  for (let tries = 0; ports.length < count; tries += 1) {
    if (tries === PART) throw new SchedgateError("E_PORT", `no ${count} free TCP ports of ${address}`);
    const port = FIRST + part * PART + next;
    next = (next + 1) % PART;
    if (await isFree(port, address)) ports.push(port);
  }
  return ports;
}

function isFree(port: number, address: string): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(false);
      else reject(error);
    });
    server.listen(port, address, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}
