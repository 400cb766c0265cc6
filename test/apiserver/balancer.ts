import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { Socket } from "node:net";
import { freePorts } from "../lab/ports.ts";

/** One address for several webhooks, as a Service is: each connection goes to the next one that answers. */
export interface Balancer {
  url: string;
  /** Ends every connection: those that follow are spread anew. */
  cut(): void;
  stop(): void;
}

/** Spreads connections over these ports of this machine; `ports` may grow. */
export async function startBalancer(ports: readonly number[]): Promise<Balancer> {
  const [port = 0] = await freePorts(1);
  const open = new Set<Socket>();
  let turn = 0;
  const server = createServer((client) => {
    turn += 1;
    const order = ports.map((_, i) => ports[(turn + i) % ports.length] ?? 0);
    forward(client, order, open);
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const cut = (): void => {
    for (const each of open) each.destroy();
  };
  return {
    url: `https://127.0.0.1:${String(port)}`,
    cut,
    stop: () => {
      server.close();
      cut();
    },
  };
}

function forward(client: Socket, [port, ...others]: readonly number[], open: Set<Socket>): void {
  if (port === undefined) {
    client.destroy();
    return;
  }
  const upstream = connect(port, "127.0.0.1");
  let connected = false;
  upstream.once("connect", () => {
    connected = true;
    for (const each of [client, upstream]) open.add(each);
    client.pipe(upstream).pipe(client);
  });
  upstream.on("error", () => {
    if (connected) client.destroy();
    else forward(client, others, open);
  });
  upstream.once("close", () => {
    open.delete(upstream);
    if (connected) client.destroy();
  });
  client.on("error", () => upstream.destroy());
  client.once("close", () => {
    open.delete(client);
    upstream.destroy();
  });
}
