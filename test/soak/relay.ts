import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { join } from "./service.ts";

/** A way from a webhook to the API server, whose open connections can be lost as a NAT table loses them. */
export interface Relay {
  /** What the webhook takes for the API server. */
  url: string;
  /** Carries nothing more over the connections that are open, and tells neither side. Connections made later work. */
  freeze(): void;
  stop: () => void;
}

/** A relay to this server (`https://host:port`). */
export async function startRelay(server: string): Promise<Relay> {
  const { hostname, port } = new URL(server);
  const open = new Set<Socket>();
  const frozen = new Set<Socket>();
  const listener = createServer((client) => {
    join(client, connect(Number(port), hostname), open);
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  return {
    url: `https://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    freeze: () => {
      for (const each of open) {
        each.unpipe();
        each.pause();
        each.removeAllListeners();
        each.on("error", () => undefined);
        frozen.add(each);
      }
      open.clear();
    },
    stop: () => {
      listener.close();
      for (const each of [...open, ...frozen]) each.destroy();
    },
  };
}
