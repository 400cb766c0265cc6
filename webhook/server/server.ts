import { once } from "node:events";
import { createServer } from "node:https";
import { promisify } from "node:util";
import { setImmediate } from "node:timers/promises";
import type { RequestListener, Server as HttpServer } from "node:http";
import type { Socket } from "node:net";
import type { Clock } from "../../common/clock.ts";
import type { KeyPair } from "../../certs/issue.ts";
import { Shares } from "./shares.ts";

/**
 * The API server keeps idle connections for 90 s (Go's default): close later than it does, or it meets closed ones. It also
 * opens connections that it does not need at once, and for these Node counts from their beginning until their first request
 * is whole (bodies have a limit of their own, body.ts).
 */
const KEEP_ALIVE_MS = 95_000;

/** By then every node sends new connections elsewhere. */
const ENDPOINTS_MS = 15_000;
/** While it drains it looks this often whether anybody is left. */
const LOOK_MS = 1_000;

const TLS = { ALPNProtocols: ["http/1.1"], minVersion: "TLSv1.2" } as const;

/** An API server opens as many connections as it has calls under way; more than these are closed at once. */
const MAX_CONNECTIONS = { all: 2_000, each: 1_000 };

/** The last answers get so long once nobody is sent here any more. */
const CLOSE_MS = 10_000;

export interface WebhookServer {
  /** Listens, or where it does already, gives this certificate to new connections; those that are open stay. */
  serve(port: number, leaf: KeyPair): Promise<void>;
  /** Where it listens; null before. */
  address(): ReturnType<HttpServer["address"]>;
  /**
   * Serves on, telling each client to connect anew, and ends when nobody is connected any more, not before 15 s, but
   * after `drainMs` at the latest. An idle connection ends without loss only by its client: at the moment at which it is
   * closed here a request may be on its way.
   */
  drain(drainMs: number, clock: Clock): Promise<void>;
}

/** The HTTPS server of the webhooks. HTTP/1.1 only: the API server speaks nothing else to webhooks. */
export function createWebhookServer(app: RequestListener, most = MAX_CONNECTIONS): WebhookServer {
  let draining = false;
  const shares = new Shares(most);
  const server = createServer(TLS, (request, response) => {
    // Without this a busy client keeps its connection, and `close` would never end.
    if (draining) response.setHeader("Connection", "close");
    app(request, response);
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.headersTimeout = KEEP_ALIVE_MS;
  server.requestTimeout = KEEP_ALIVE_MS;
  server.on("connection", (socket: Socket) => {
    const { remoteAddress = "" } = socket;
    if (shares.take(remoteAddress, 1))
      socket.once("close", () => {
        shares.giveBack(remoteAddress, 1);
      });
    else socket.destroy();
  });
  return {
    async serve(port, leaf) {
      server.setSecureContext({ cert: leaf.certificate, key: leaf.key, minVersion: "TLSv1.2" });
      if (server.listening) return;
      server.listen(port);
      await once(server, "listening");
    },
    address: () => server.address(),
    async drain(drainMs, clock) {
      draining = true;
      await clock.sleep(Math.min(ENDPOINTS_MS, drainMs));
      for (let left = drainMs - ENDPOINTS_MS; left > 0 && (await connections(server)) > 0; left -= LOOK_MS)
        await clock.sleep(LOOK_MS);
      await closeServer(server, clock);
    },
  };
}

function connections(server: HttpServer): Promise<number> {
  return promisify(server.getConnections.bind(server))();
}

/** Ends a server: idle connections at once, busy ones when they have their answer or the time is over. */
export async function closeServer(server: HttpServer, clock: Clock): Promise<void> {
  // What has arrived is read first: only then it is known which connections are idle.
  await setImmediate();
  const closed = once(server, "close");
  server.close();
  server.closeIdleConnections();
  const patience = new AbortController();
  void clock.sleep(CLOSE_MS, patience.signal).then(() => {
    server.closeAllConnections();
  });
  await closed;
  patience.abort();
}
