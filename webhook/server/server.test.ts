import { once } from "node:events";
import { Agent, request } from "node:https";
import { connect } from "node:tls";
import { connect as connectTcp } from "node:net";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "@jest/globals";
import type { Clock } from "../../common/clock.ts";
import { silentLogger } from "../../common/log.ts";
import { issueCa, issueLeaf } from "../../certs/issue.ts";
import { cpuIsolation, now, rulesOf } from "../policy/testing.ts";
import { createApp } from "./app.ts";
import type { AppDeps } from "./app.ts";
import { createWebhookServer } from "./server.ts";
import type { WebhookServer } from "./server.ts";

const ca = issueCa(new Date());
/** The statuses of what was answered without a review. */
let bad: number[] = [];
const leaf = () => issueLeaf(ca, [{ ip: "127.0.0.1" }], new Date());
const deps: AppDeps = {
  rules: () => rulesOf([cpuIsolation]),
  cluster: { handlerOf: () => Promise.resolve(undefined), livePod: () => Promise.resolve(undefined) },
  room: { reserve: () => Promise.resolve(undefined), release: () => undefined },
  clock: { now: () => now, sleep: () => Promise.resolve() },
  log: silentLogger,
  count: () => undefined,
  countBadRequest: (status) => bad.push(status),
};

/** Sleeps end when the test says so. */
function manualClock() {
  const wakes: (() => void)[] = [];
  const clock: Clock = {
    now: () => now,
    sleep: (_, signal) =>
      new Promise((resolve) => {
        wakes.push(resolve);
        signal?.addEventListener("abort", () => {
          resolve();
        });
      }),
  };
  return { clock, wake: () => wakes.shift()?.() };
}

let agent = new Agent({ keepAlive: true, ca: ca.certificate });
let running: WebhookServer | undefined;

afterEach(async () => {
  agent.destroy();
  agent = new Agent({ keepAlive: true, ca: ca.certificate });
  await running?.drain(0, deps.clock);
  running = undefined;
  bad = [];
});

async function start(most?: number, bodyMs?: number): Promise<number> {
  const budget = most === undefined ? undefined : { all: most, each: most };
  running = createWebhookServer(createApp(deps, budget, bodyMs));
  await running.serve(0, leaf());
  return (running.address() as AddressInfo).port;
}

interface Reply {
  status: number;
  connection: string | undefined;
  text: string;
  serial: string;
}

function send(
  port: number,
  path: string,
  body: string | Buffer,
  more: Record<string, string> = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const headers = { "Content-Type": "application/json", ...more };
    const sent = request({ host: "127.0.0.1", port, path, method: "POST", agent, headers }, (response) => {
      let text = "";
      const socket = response.socket as unknown as { getPeerCertificate(): { serialNumber: string } };
      const serial = socket.getPeerCertificate().serialNumber;
      response.on("data", (chunk: Buffer) => (text += chunk.toString()));
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, connection: response.headers.connection, text, serial });
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** Says its length, and sends its body only after the answer to another such request could be there. */
function slowly(port: number, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = {
      "Content-Type": "application/json",
      "Content-Length": Buffer.byteLength(body),
      Expect: "100-continue",
    };
    const sent = request({ host: "127.0.0.1", port, path: "/validate", method: "POST", agent, headers });
    sent.on("response", (response) => {
      held.splice(0).forEach((each) => {
        each();
      });
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sent.on("error", reject);
    held.push(() => sent.end(body));
    sent.flushHeaders();
  });
}

/** Tries again until it succeeds. */
async function eventually(attempt: () => Promise<void>): Promise<void> {
  for (let left = 100; left > 0; left -= 1) {
    const error = await attempt().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (error === undefined) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("it never succeeded");
}

/** Longer than an API server waits for any answer. */
const UNUSED_MS = 12_000;

const held: (() => void)[] = [];

const review = JSON.stringify({
  apiVersion: "admission.k8s.io/v1",
  kind: "AdmissionReview",
  request: {
    uid: "u",
    kind: { group: "", version: "v1", kind: "Pod" },
    resource: { group: "", version: "v1", resource: "pods" },
    namespace: "a",
    operation: "CREATE",
    userInfo: {},
    object: { metadata: { name: "p" }, spec: { containers: [] } },
  },
});

describe("the HTTPS server", () => {
  test("answers a review with a review", async () => {
    const { status, text } = await send(await start(), "/validate", review);
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({
      kind: "AdmissionReview",
      response: { uid: "u", allowed: true },
    });
  });

  test.each<[string, string, string | Buffer, Record<string, string> | undefined, number]>([
    ["another path", "/", review, undefined, 404],
    ["another type", "/validate", review, { "Content-Type": "text/plain" }, 415],
    ["a type that only begins like JSON", "/validate", review, { "Content-Type": "application/jsonx" }, 415],
    ["a compressed body", "/validate", gzipSync(review), { "Content-Encoding": "gzip" }, 415],
    ["broken JSON", "/validate", "{", undefined, 400],
    ["another version", "/mutate", review.replace("k8s.io/v1", "k8s.io/v1beta1"), undefined, 400],
    ["a body over 7 MiB", "/validate", Buffer.alloc(7 * 1024 * 1024 + 1, " "), undefined, 413],
    ["no body", "/validate", "", undefined, 400],
    [
      "a body over 7 MiB that does not say its length",
      "/validate",
      Buffer.alloc(7 * 1024 * 1024 + 1, " "),
      { "Transfer-Encoding": "chunked" },
      413,
    ],
  ])("refuses %s, and answers on", async (...[, path, body, headers, status]) => {
    const port = await start();
    expect((await send(port, path, body, headers)).status).toBe(status);
    expect((await send(port, "/validate", review)).status).toBe(200);
  });

  test.each([{ "Transfer-Encoding": "chunked" }, { "Content-Type": "application/json; charset=utf-8" }])(
    "takes a review with %j",
    async (headers) => {
      expect((await send(await start(), "/validate", review, headers)).status).toBe(200);
    },
  );

  test("refuses a body that all bodies in flight have no room for, and gives the room back", async () => {
    const port = await start(Buffer.byteLength(review) * 2 - 1);
    for (let i = 0; i < 3; i += 1) expect((await send(port, "/validate", review)).status).toBe(200);
    expect((await send(port, "/validate", review + review)).status).toBe(503);
    const statuses = await Promise.all([review, review].map((each) => slowly(port, each)));
    expect(statuses.sort()).toEqual([200, 503]);
  });

  test("cuts off whoever sends its body too slowly, and gives the room to others", async () => {
    const port = await start(Buffer.byteLength(review), 300);
    const headers = { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(review) };
    const slow = request({ host: "127.0.0.1", port, path: "/validate", method: "POST", agent, headers });
    const cut = once(slow, "error");
    slow.write("{");
    await expect(cut).resolves.toMatchObject([{ code: "ECONNRESET" }]);
    expect((await send(port, "/validate", review)).status).toBe(200);
  });

  test("takes a body of 7 MiB", async () => {
    const padded = review + " ".repeat(7 * 1024 * 1024 - review.length);
    expect((await send(await start(), "/validate", padded)).status).toBe(200);
  });

  test("shows a new certificate to new connections, and keeps the old ones", async () => {
    const port = await start();
    const first = await send(port, "/validate", review);
    await running?.serve(0, leaf());
    expect((await send(port, "/validate", review)).serial).toBe(first.serial);
    agent.destroy();
    agent = new Agent({ keepAlive: true, ca: ca.certificate, maxCachedSessions: 0 });
    expect((await send(port, "/validate", review)).serial).not.toBe(first.serial);
  });

  test("lets no one address have all connections", async () => {
    running = createWebhookServer(createApp(deps), { all: 3, each: 2 });
    await running.serve(0, leaf());
    const { port } = running.address() as AddressInfo;
    const from = (localAddress: string) =>
      connect({
        host: "127.0.0.1",
        ca: ca.certificate,
        socket: connectTcp({ host: "127.0.0.1", port, localAddress }),
      });
    const [first, second] = [from("127.0.0.1"), from("127.0.0.1")];
    await Promise.all([first, second].map((each) => once(each, "secureConnect")));
    await expect(once(from("127.0.0.1"), "secureConnect")).rejects.toThrow();
    const other = from("127.0.0.2");
    await once(other, "secureConnect");
    await expect(once(from("127.0.0.3"), "secureConnect")).rejects.toThrow();
    first.destroy();
    // Its room is back when the server has heard of its end.
    await eventually(async () => {
      const again = from("127.0.0.1");
      await once(again, "secureConnect");
      again.destroy();
    });
    for (const each of [second, other]) each.destroy();
  });

  test("keeps a connection that is not used yet: the API server opens some in advance", async () => {
    const port = await start();
    const socket = connect({ host: "127.0.0.1", port, ca: ca.certificate });
    await once(socket, "secureConnect");
    // Node answers 408 when the limits for headers or requests are over, and a request may be on its way then.
    const told = once(socket, "data", { signal: AbortSignal.timeout(UNUSED_MS) });
    await expect(told).rejects.toThrow("aborted");
    expect(socket.readyState).toBe("open");
    socket.destroy();
  }, 30_000);

  test("keeps a connection that is not used any more longer than the API server does, which is 90 s", async () => {
    const port = await start();
    const socket = connect({ host: "127.0.0.1", port, ca: ca.certificate });
    await once(socket, "secureConnect");
    socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    const [answer] = (await once(socket, "data")) as [Buffer];
    const [, promised] = /^Keep-Alive: timeout=(\d+)\r$/m.exec(answer.toString()) ?? [];
    expect(Number(promised)).toBeGreaterThan(90);
    const left = once(socket, "end", { signal: AbortSignal.timeout(UNUSED_MS) });
    await expect(left).rejects.toThrow("aborted");
    socket.destroy();
  }, 30_000);

  test("that drains waits for connections to end, and not longer than it may", async () => {
    const port = await start();
    const socket = connect({ host: "127.0.0.1", port, ca: ca.certificate });
    await once(socket, "secureConnect");
    const slept: number[] = [];
    const clock: Clock = {
      now: () => now,
      sleep: async (ms, signal) => {
        slept.push(ms);
        if (slept.length === 4) socket.destroy();
        // What closes a server is bounded by a sleep as well: that one ends by its signal.
        if (signal !== undefined) await once(signal, "abort");
        else await new Promise((resolve) => setTimeout(resolve, 20));
      },
    };
    await running?.drain(95_000, clock);
    running = undefined;
    expect(slept[0]).toBe(15_000);
    expect(slept.length).toBeGreaterThan(4);
    expect(slept.length).toBeLessThan(20);
  });

  test("that drains answers on, asks each client to leave, and then ends", async () => {
    const port = await start();
    expect((await send(port, "/validate", review)).connection).toBe("keep-alive");
    const { clock, wake } = manualClock();
    const drained = running?.drain(1, clock);
    expect((await send(port, "/validate", review)).connection).toBe("close");
    wake();
    await drained;
    running = undefined;
    await expect(send(port, "/validate", review)).rejects.toThrow("ECONNREFUSED");
  });
});
