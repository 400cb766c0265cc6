import { once } from "node:events";
import { createServer } from "node:https";
import type { RequestListener, Server as HttpServer } from "node:http";
import type { Clock } from "../../common/clock.ts";
import type { KeyPair } from "../../certs/issue.ts";

/** The API server keeps idle connections for 90 s (Go's default): close later than it does, or it meets closed ones. */
const KEEP_ALIVE_MS = 95_000;
/** The API server waits 5 s for an answer (webhooks.ts); whoever takes longer to ask is nobody it waits for. */
const HEADERS_MS = 5_000;
const REQUEST_MS = 10_000;
/** Node looks at both this often. */
const CHECK_MS = 1_000;

const TLS = { ALPNProtocols: ["http/1.1"], minVersion: "TLSv1.2" } as const;

/** An API server opens as many connections as it has calls under way; more than these are closed at once. */
const MAX_CONNECTIONS = 2_000;

/** The last answers get so long once nobody is sent here any more. */
const CLOSE_MS = 10_000;

export interface WebhookServer {
  /** Listens, or where it does already, gives this certificate to new connections; those that are open stay. */
  serve(port: number, leaf: KeyPair): Promise<void>;
  /** Where it listens; null before. */
  address(): ReturnType<HttpServer["address"]>;
  /** Serves on for `drainMs`, telling each client to connect anew, then ends. */
  drain(drainMs: number, clock: Clock): Promise<void>;
}

/** The HTTPS server of the webhooks. HTTP/1.1 only: the API server speaks nothing else to webhooks. */
export function createWebhookServer(app: RequestListener): WebhookServer {
  let draining = false;
  const server = createServer({ ...TLS, connectionsCheckingInterval: CHECK_MS }, (request, response) => {
    // Without this a busy client keeps its connection, and `close` would never end.
    if (draining) response.setHeader("Connection", "close");
    app(request, response);
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.headersTimeout = HEADERS_MS;
  server.requestTimeout = REQUEST_MS;
  server.maxConnections = MAX_CONNECTIONS;
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
      await clock.sleep(drainMs);
      await closeServer(server, clock);
    },
  };
}

/** Ends a server: idle connections at once, busy ones when they have their answer or the time is over. */
export async function closeServer(server: HttpServer, clock: Clock): Promise<void> {
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
