import { once } from "node:events";
import { createServer } from "node:http";
import type { Server, ServerResponse } from "node:http";
import { messageOf } from "../../common/errors.ts";
import type { Metrics } from "../metrics.ts";

export interface HealthOptions {
  /** Why requests must not come here now, or undefined. */
  whyNotReady: () => string | undefined;
  metrics: Metrics;
}

/** Plain HTTP for the kubelet and Prometheus: /livez, /readyz and /metrics. */
export async function serveHealth(port: number, options: HealthOptions): Promise<Server> {
  const server = createServer((request, response) => {
    answer(request.url ?? "", response, options).catch((error: unknown) => {
      send(response, 500, `${messageOf(error)}\n`);
    });
  });
  server.listen(port);
  await once(server, "listening");
  return server;
}

async function answer(
  url: string,
  response: ServerResponse,
  { whyNotReady, metrics }: HealthOptions,
): Promise<void> {
  switch (new URL(url, "http://localhost").pathname) {
    case "/livez":
      send(response, 200, "ok\n");
      return;
    case "/readyz": {
      const why = whyNotReady();
      send(response, why === undefined ? 200 : 503, `${why ?? "ok"}\n`);
      return;
    }
    case "/metrics":
      response.setHeader("Content-Type", metrics.contentType);
      send(response, 200, await metrics.text());
      return;
    default:
      send(response, 404, "GET /livez, /readyz or /metrics\n");
  }
}

function send(response: ServerResponse, status: number, text: string): void {
  if (!response.hasHeader("Content-Type")) response.setHeader("Content-Type", "text/plain; charset=utf-8");
  response.writeHead(status).end(text);
}
