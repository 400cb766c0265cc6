import { type Server, createServer } from "node:http";

/** `/readyz`: 200 once the runtime handler is registered. The kubelet asks; a program in the pod would cost the node a new process each time. */
export function healthServer(isInstalled: () => boolean): Server {
  return createServer(({ url }, response) => {
    const [code, text] =
      url !== "/readyz"
        ? [404, "not found"]
        : isInstalled()
          ? [200, "ok"]
          : [503, "the runtime handler is not registered yet: see this container's log"];
    response.writeHead(code, { "content-type": "text/plain" }).end(`${text}\n`);
  });
}
