import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, RequestListener, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import { kubeApiOver } from "./http.ts";
import { KubeApiError } from "./port.ts";
import type { KubeApi, WatchEvent } from "./port.ts";

let servers: Server[] = [];

afterEach(() => {
  for (const each of servers) each.close().closeAllConnections();
  servers = [];
});

async function serve(listener: RequestListener): Promise<KubeApi> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  let token = 0;
  return kubeApiOver({
    server: `http://127.0.0.1:${String(port)}/behind`,
    options: () => Promise.resolve({ headers: { Authorization: `Bearer ${String((token += 1))}` } }),
  });
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text;
}

async function collect(watch: AsyncIterable<WatchEvent>): Promise<WatchEvent[]> {
  const events: WatchEvent[] = [];
  for await (const event of watch) events.push(event);
  return events;
}

const signal = new AbortController().signal;

describe("a request", () => {
  test("carries method, path, query, the token of the moment and a JSON body of its type", async () => {
    const seen: unknown[] = [];
    const api = await serve((request, response) => {
      void bodyOf(request).then((body) => {
        const { method, url, headers } = request;
        seen.push([method, url, headers.authorization, headers["content-type"], body]);
        response.end('{"kind":"x"}');
      });
    });
    expect(
      await api.request({ method: "GET", path: "/api", query: { limit: 5, a: "b c", none: undefined } }),
    ).toEqual({ kind: "x" });
    for (const patch of ["json", "merge", "strategic", "apply"] as const) {
      await api.request({ method: "PATCH", path: "/p", body: { ä: 1 }, patch });
    }
    await api.request({ method: "PUT", path: "/p", body: {} });
    expect(seen).toEqual([
      ["GET", "/behind/api?limit=5&a=b+c", "Bearer 1", undefined, ""],
      ["PATCH", "/behind/p", "Bearer 2", "application/json-patch+json", '{"ä":1}'],
      ["PATCH", "/behind/p", "Bearer 3", "application/merge-patch+json", '{"ä":1}'],
      ["PATCH", "/behind/p", "Bearer 4", "application/strategic-merge-patch+json", '{"ä":1}'],
      ["PATCH", "/behind/p", "Bearer 5", "application/apply-patch+yaml", '{"ä":1}'],
      ["PUT", "/behind/p", "Bearer 6", "application/json", "{}"],
    ]);
  });

  test("that is refused names method, path, status and the server's message", async () => {
    const api = await serve((_, response) => {
      response.writeHead(403).end('{"kind":"Status","reason":"Forbidden","message":"user may not"}');
    });
    const error: unknown = await api
      .request({ method: "GET", path: "/api/v1/nodes" })
      .catch((each: unknown) => each);
    expect(error).toBeInstanceOf(KubeApiError);
    expect(error).toMatchObject({
      status: 403,
      reason: "Forbidden",
      message: "GET /api/v1/nodes: 403 Forbidden: user may not",
    });
  });

  test.each<[string, RequestListener, RegExp]>([
    [
      "a proxy's page",
      (_, response) => response.writeHead(502).end("<html>bad gateway"),
      /502: <html>bad gateway/,
    ],
    [
      "something that is not JSON",
      (_, response) => response.end("hello"),
      /answered something that is not JSON/,
    ],
    ["a closed connection", (request) => request.socket.destroy(), /no answer/],
    [
      "half an answer",
      (_, response) => response.writeHead(200, { "Content-Length": 9 }).write("{") && response.socket?.end(),
      /no answer/,
    ],
    ["silence", () => undefined, /no answer: nothing came within 200 ms/],
  ])("that meets %s fails as no answer, not as something else", async (_, listener, message) => {
    const api = await serve(listener);
    await expect(api.request({ method: "GET", path: "/x", timeoutMs: 200 })).rejects.toThrow(message);
  });

  test("ends with its signal", async () => {
    const api = await serve(() => undefined);
    const stop = new AbortController();
    const call = api.request({ method: "GET", path: "/x", signal: stop.signal });
    stop.abort();
    await expect(call).rejects.toThrow("aborted");
  });
});

describe("a watch", () => {
  const added = '{"type":"ADDED","object":{"a":"ä"}}\n';

  test("gives each line as an event, however the bytes are cut, and ends with the server", async () => {
    const api = await serve((request, response) => {
      expect(request.url).toBe("/behind/x?limit=1&watch=true");
      const bytes = Buffer.from(added + added);
      response.write(bytes.subarray(0, 31));
      setImmediate(() => response.end(bytes.subarray(31)));
    });
    const events = await collect(api.watch({ path: "/x", query: { limit: 1 }, idleMs: 5000, signal }));
    expect(events).toEqual([
      { type: "ADDED", object: { a: "ä" } },
      { type: "ADDED", object: { a: "ä" } },
    ]);
  });

  test("fails where nothing comes for too long", async () => {
    const api = await serve((_, response) => response.write(added));
    await expect(collect(api.watch({ path: "/x", idleMs: 100, signal }))).rejects.toThrow(
      "nothing came for 100 ms",
    );
  });

  test("fails where the connection breaks, and where the server refuses", async () => {
    const broken = await serve((_, response) => {
      response.write(added);
      setImmediate(() => response.socket?.destroy());
    });
    await expect(collect(broken.watch({ path: "/x", idleMs: 5000, signal }))).rejects.toThrow("no answer");
    const refused = await serve((_, response) =>
      response.writeHead(410).end('{"reason":"Expired","message":"too old"}'),
    );
    await expect(collect(refused.watch({ path: "/x", idleMs: 5000, signal }))).rejects.toMatchObject({
      status: 410,
    });
  });

  test("ends with its signal", async () => {
    const api = await serve((_, response) => response.write(added));
    const stop = new AbortController();
    const events = (async () => {
      for await (const _event of api.watch({ path: "/x", idleMs: 5000, signal: stop.signal })) stop.abort();
    })();
    await expect(events).rejects.toThrow("no answer");
  });
});
