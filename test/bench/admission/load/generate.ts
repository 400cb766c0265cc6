import { Connection } from "./connection.ts";

/** What one run of the generator is to send. */
export interface Job {
  path: string;
  /** JSON bodies, sent in turn. */
  bodies: string[];
  connections: number;
  /** The run ends after so long, or after `count` requests where that is given. */
  seconds?: number;
  count?: number;
}

/** What came of it. */
export interface Outcome {
  requests: number;
  /** Requests whose status was not 201, and what the last of them was told. */
  refused: number;
  refusal: string;
  seconds: number;
  /** Milliseconds from the first byte sent to the last one received, of each request in no order. */
  latencies: number[];
  /** CPU that the generator itself used, seconds. */
  cpuSeconds: number;
}

/** Where the API server is, and who calls: PEM. */
export interface Target {
  host: string;
  port: number;
  ca: string;
  cert: string;
  key: string;
}

/** Sends a job's requests over so many connections, each with one request under way at a time. */
export async function generate(target: Target, job: Job): Promise<Outcome> {
  const requests = job.bodies.map((body) => requestOf(target, job.path, body));
  const open = Array.from({ length: job.connections }, () => Connection.open(target));
  const connections = await Promise.all(open);
  const cpu = process.cpuUsage();
  const start = performance.now();
  const until = job.seconds === undefined ? Infinity : start + job.seconds * 1000;
  const outcome = { requests: 0, refused: 0, refusal: "", latencies: [] as number[] };
  let sent = 0;
  const loop = async (connection: Connection): Promise<void> => {
    for (let sentAt = performance.now(); sentAt < until && sent < (job.count ?? Infinity);) {
      const status = await connection.send(requests[sent++ % requests.length] ?? Buffer.alloc(0));
      const now = performance.now();
      outcome.latencies.push(now - sentAt);
      outcome.requests += 1;
      if (status !== 201) {
        outcome.refused += 1;
        outcome.refusal = connection.lastBody;
      }
      sentAt = now;
    }
  };
  try {
    await Promise.all(connections.map(loop));
  } finally {
    for (const connection of connections) connection.close();
  }
  const used = process.cpuUsage(cpu);
  return {
    ...outcome,
    seconds: (performance.now() - start) / 1000,
    cpuSeconds: (used.user + used.system) / 1e6,
  };
}

function requestOf({ host, port }: Target, path: string, body: string): Buffer {
  const content = Buffer.from(body);
  const head = [
    `POST ${path} HTTP/1.1`,
    `Host: ${host}:${port}`,
    "Accept: application/json",
    "Content-Type: application/json",
    `Content-Length: ${content.length}`,
  ];
  return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), content]);
}
