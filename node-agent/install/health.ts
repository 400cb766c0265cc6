import { type Server, createServer } from "node:http";
import type { Progress } from "./progress.ts";

/**
 * `/readyz`: 200 once the runtime handler is registered; `/metrics`: how that goes. The kubelet asks; a program in the pod would
 * cost the node a new process each time.
 */
export function healthServer(isInstalled: () => boolean, progress: Progress): Server {
  const answerTo = (url: string): [code: number, text: string] => {
    switch (url) {
      case "/readyz":
        return isInstalled()
          ? [200, "ok\n"]
          : [503, "the runtime handler is not registered yet: see this container's log\n"];
      case "/metrics":
        return [200, progress.text()];
      default:
        return [404, "not found\n"];
    }
  };
  return createServer(({ url = "" }, response) => {
    const [code, text] = answerTo(url);
    // Prometheus 3 takes no answer whose format it has to guess.
    response.writeHead(code, { "content-type": "text/plain; version=0.0.4; charset=utf-8" }).end(text);
  });
}
