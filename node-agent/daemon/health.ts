import { type Server, createServer } from "node:http";
import type { Clock } from "../../common/clock.ts";
import type { Guard } from "./guard.ts";
import { type AgentMetrics } from "./metrics.ts";

/** A pass that hangs this long means that the process must be started anew. */
const STALE_MS = 30_000;

/** `/livez` (the guard makes passes), `/readyz` (a back-end works and the last pass did), `/metrics`. */
export function healthServer(guard: Guard, metrics: AgentMetrics, clock: Clock): Server {
  return createServer((request, response) => {
    const answer = async (): Promise<[number, string, string]> => {
      const snapshot = guard.latest();
      switch (request.url ?? "") {
        case "/livez": {
          const age = snapshot === undefined ? 0 : clock.now().getTime() - snapshot.at.getTime();
          return age > STALE_MS
            ? [503, "text/plain", `no pass for ${age} ms\n`]
            : [200, "text/plain", "ok\n"];
        }
        case "/readyz": {
          if (snapshot === undefined) return [503, "text/plain", "no pass yet\n"];
          const works = snapshot.backend !== "None" && snapshot.proof.source !== "";
          return works
            ? [200, "text/plain", "ok\n"]
            : [503, "text/plain", `${snapshot.problems.join("\n")}\n`];
        }
        case "/metrics":
          return [200, metrics.contentType, await metrics.text()];
        default:
          return [404, "text/plain", "not found\n"];
      }
    };
    void answer().then(([code, type, body]) => {
      response.writeHead(code, { "content-type": type }).end(body);
    });
  });
}
