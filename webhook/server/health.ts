import { once } from "node:events";
import { createServer } from "node:http";
import type { Server } from "node:http";
import express from "express";
import type { Express, Response } from "express";
import type { Metrics } from "../metrics.ts";

export interface HealthOptions {
  /** Why requests must not come here now, or undefined. */
  whyNotReady: () => string | undefined;
  metrics: Metrics;
}

/** Plain HTTP for the kubelet and Prometheus: /livez, /readyz and /metrics. */
export async function serveHealth(port: number, options: HealthOptions): Promise<Server> {
  const server = createServer(healthApp(options));
  server.listen(port);
  await once(server, "listening");
  return server;
}

function healthApp({ whyNotReady, metrics }: HealthOptions): Express {
  const app = express();
  app.disable("x-powered-by");
  app.set("etag", false);
  app.set("env", "production"); // errors without their stack
  const text = (response: Response, status: number, line: string): void => {
    response.status(status).type("text/plain").send(`${line}\n`);
  };
  app.get("/livez", (_, response) => {
    text(response, 200, "ok");
  });
  app.get("/readyz", (_, response) => {
    const why = whyNotReady();
    text(response, why === undefined ? 200 : 503, why ?? "ok");
  });
  app.get("/metrics", async (_, response) => {
    response.type(metrics.contentType).send(await metrics.text());
  });
  app.use((_, response) => {
    text(response, 404, "GET /livez, /readyz or /metrics");
  });
  return app;
}
