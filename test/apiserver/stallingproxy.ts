import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";

/** A TCP proxy that can stop to forward without closing anything: what a lost node or a firewall does to a connection. */
export interface StallingProxy {
  port: number;
  /** Connections that were opened through it. */
  readonly connections: number;
  /** No byte passes on the connections that are open; with `alsoNew` on none that is opened later. */
  stall(alsoNew?: boolean): void;
  /** Everything opened from now on passes; what stalled stays stalled. */
  letPass(): void;
  close(): Promise<void>;
}

export async function startStallingProxy(target: { host: string; port: number }): Promise<StallingProxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let stalled = false;
  let connections = 0;
  const freeze = (pair: readonly [Socket, Socket]): void => {
    for (const each of pair) {
      each.unpipe();
      each.pause();
    }
  };
  const server = createServer((from) => {
    connections += 1;
    const to = connect(target);
    const pair = [from, to] as const;
    pairs.add(pair);
    for (const each of pair) {
      each.on("error", () => undefined);
      each.once("close", () => {
        pair.forEach((other) => other.destroy());
        pairs.delete(pair);
      });
    }
    from.pipe(to);
    to.pipe(from);
    if (stalled) freeze(pair);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections;
    },
    stall: (alsoNew = false) => {
      stalled = alsoNew;
      pairs.forEach(freeze);
    },
    letPass: () => {
      stalled = false;
    },
    close: async () => {
      const closed = once(server, "close");
      server.close();
      for (const pair of pairs) pair.forEach((each) => each.destroy());
      await closed;
    },
  };
}
