import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { join } from "./join.ts";

/** A way to a server that can stop to forward without closing anything: what a lost node, a firewall or a NAT table does. */
export interface StallingProxy {
  /** What its clients take for the server. */
  url: string;
  /** No byte passes on the connections that are open, and neither side is told; with `alsoNew` on none that is opened later. */
  stall(alsoNew?: boolean): void;
  /** Everything opened from now on passes; what stalled stays stalled. */
  letPass(): void;
  /** Breaks off all that is open, also what stalled. */
  cut(): void;
  close: () => Promise<void>;
}

/** A proxy before this server (`https://host:port`). */
export async function startStallingProxy(server: string): Promise<StallingProxy> {
  const { hostname, port } = new URL(server);
  const open = new Set<Socket>();
  const silent = new Set<Socket>();
  let stalled = false;
  const freeze = (): void => {
    for (const each of open) {
      each.unpipe();
      each.pause();
      each.removeAllListeners();
      each.on("error", () => undefined);
      silent.add(each);
    }
    open.clear();
  };
  const cut = (): void => {
    for (const each of [...open, ...silent]) each.destroy();
    silent.clear();
  };
  const listener = createServer((client) => {
    join(client, connect(Number(port), hostname), open);
    if (stalled) freeze();
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  return {
    url: `https://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    stall: (alsoNew = false) => {
      stalled = alsoNew;
      freeze();
    },
    letPass: () => {
      stalled = false;
    },
    cut,
    close: async () => {
      const closed = once(listener, "close");
      listener.close();
      cut();
      await closed;
    },
  };
}
